// Matrix, effects and scores: their words by frame, sorting, copying, and arrow keys in the matrix.
const LEVELS = 4;

function updateTables() {
  const { effects, limit, base, partner } = state.frame;
  for (const button of $$("#matrix button")) {
    const effect = effects.get(Number(button.dataset.e));
    const share = effect && !absent(effect) ? Math.min(Math.abs(effect.delta) / limit, 1) : 0;
    const level = Math.min(Math.floor(share * LEVELS), LEVELS - 1) + 1;
    button.parentElement.className = effect ? `${effect.verdict} s${level}` : "absent";
    button.textContent = effect ? label(effect) : "";
    button.setAttribute("aria-label", inWords(Number(button.dataset.e)));
    button.disabled = !effect;
  }
  for (const row of $$("#edges tbody tr")) updateRow(row, effects.get(Number(row.dataset.e)));
  for (const cell of $$("[data-base]")) cell.textContent = scoreOf(Number(cell.dataset.base));
  const other = state.frame.number === "score" ? "baseline" : "score";
  for (const cell of $$("[data-score]")) {
    const slot = Number(cell.dataset.score);
    const effect = effects.get(slot);
    cell.textContent = effect ? points(effect[isRing(slot) ? "score" : other]) : DASH;
  }
  for (const element of $$("[data-base-label]")) element.textContent = base;
  for (const element of $$("[data-partner-label]")) element.textContent = partner;
}

function updateRow(row, effect) {
  const marks = ["off", "selected", "hot"].filter((name) => row.classList.contains(name));
  row.className = [effect ? effect.verdict : "absent", ...marks].join(" ");
  if (!effect) return;
  const words = [
    points(effect.baseline), points(effect.score), label(effect),
    interval(effect.adjusted_low, effect.adjusted_high), pText(effect.adjusted_p), interval(effect.low, effect.high),
    effect.n_seeds, effect.n_test || DASH, percent(seedShare(effect)),
    ...controls().map((control) => overText(effect.over[control])), verdictName(effect.verdict),
  ];
  words.forEach((word, n) => { row.cells[n + 2].textContent = word; });
}

const controls = () => $$("#edges thead th").map((head) => head.textContent).filter((head) => head.startsWith("over ")).map((head) => head.slice(5));

function overText(values) {
  if (!values) return DASH;
  const over = unpack(data.over, values);
  return `${signed(over.delta)} ${interval(over.adjusted_low, over.adjusted_high)}`;
}

function sortKey(cell) {
  const text = cell.textContent.trim().replace(/^[[<+]+/, "").replace("−", "-");
  const number = parseFloat(text);
  return Number.isNaN(number) ? text : number;
}

function sortBy(table, column) {
  const head = table.tHead.rows[0].cells[column];
  const up = head.getAttribute("aria-sort") === "descending" || (column === 0 && !head.hasAttribute("aria-sort"));
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map((row) => [sortKey(row.cells[column]), row]);
  rows.sort(([a], [b]) => {
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1; // what has no number is last
    const order = typeof a === "number" ? a - b : a.localeCompare(b);
    return up ? order : -order;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

const csvCell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const markdownCell = (text) => text.replace(/([\\`*_|<>[\]#])/g, "\\$1");
const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "−": "$-$", "–": "--", "<": "$<$", "×": "$\\times$", "○": "$\\circ$" };
const latexCell = (text) => text.replace(/[\\{}$&#%_~^−–<×○]/g, (sign) => LATEX[sign] ?? `\\${sign}`);

const FORMS = {
  csv: ([head, ...rows]) => [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\n"),
  markdown: ([head, ...rows]) => [head, head.map(() => "---"), ...rows]
    .map((row, n) => `| ${row.map((text) => (n === 1 ? text : markdownCell(text))).join(" | ")} |`).join("\n"),
  latex: ([head, ...rows]) => [
    "% needs \\usepackage{booktabs}", `\\begin{tabular}{l${"r".repeat(head.length - 1)}}`, "\\toprule",
    `${head.map(latexCell).join(" & ")} \\\\`, "\\midrule",
    ...rows.map((row) => `${row.map(latexCell).join(" & ")} \\\\`), "\\bottomrule", "\\end{tabular}",
  ].join("\n"),
};

// What a cell says, with the whole of a name that is cut.
function wholeText(cell) {
  const cut = $("abbr", cell);
  return cut ? cell.textContent.replace(cut.textContent, () => cut.title) : cell.textContent;
}

function cellsOf(table) {
  const rows = [...table.rows].filter((row) => !row.matches(".off, .absent"));
  return rows.map((row) => [...row.cells].map((cell) => wholeText(cell).trim().replace(/\s+/g, " ")));
}

async function copy(button) {
  const from = document.getElementById(button.dataset.of);
  const form = FORMS[button.dataset.copy];
  const text = `${form ? form(cellsOf(from)) : from.textContent.trim()}\n`;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = button.dataset.word; }, 1500);
  } catch {
    const dialog = $("#copied"); // the browser does not let pages write to the clipboard
    $("textarea", dialog).value = text;
    dialog.showModal();
    $("textarea", dialog).select();
  }
}

function stepInMatrix(event) {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  const rows = $("#matrix").rows;
  let [row, column] = [cell.parentElement.rowIndex, cell.cellIndex];
  while (true) {
    [row, column] = [row + step[0], column + step[1]];
    const next = rows[row]?.cells[column];
    if (!next || next.tagName === "TH") return;
    const button = $("button:not(:disabled)", next);
    if (button) return void rove(button);
  }
}

function rove(button) {
  for (const other of $$("#matrix button")) other.tabIndex = -1;
  button.tabIndex = 0;
  button.focus();
}

function startTables() {
  for (const table of $$("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = el("button", { type: "button", on: () => sortBy(table, column) }, ...head.childNodes);
      head.append(button);
    });
  }
  for (const button of $$("[data-copy]")) {
    button.dataset.word = button.textContent;
    button.addEventListener("click", () => copy(button));
  }
  const buttons = $$("#matrix button");
  buttons.forEach((button, n) => { button.tabIndex = n ? -1 : 0; });
  $("#matrix").addEventListener("keydown", stepInMatrix);
  $("#matrix").addEventListener("click", (event) => {
    if (event.detail === 0 && event.target.matches("button")) remember(event.target); // by keyboard
  });
  for (const row of $$("#edges tbody tr")) {
    row.tabIndex = 0;
    row.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      select(Number(row.dataset.e));
      remember(row);
    });
  }
}
