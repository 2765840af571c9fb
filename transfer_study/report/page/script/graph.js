// The drawn graph: the figure of the frame, its parts by slot and task, and the way through it by
// keyboard. Of very many tasks the figure is of one, which is chosen.
const sheet = $("#sheet");
const graphs = () => $$("#graph [data-e]");
const nodes = () => $$("#graph .node");
let drawnNow = null;

async function unpacked(letters) {
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function updateGraph() {
  const { graphs: figures } = state.frame;
  const wanted = figures[figures.length > 1 ? state.chosen : 0];
  if (wanted !== drawnNow) {
    drawnNow = wanted;
    // An older figure must not stay in the place of one that an old browser cannot unpack.
    const svg = await unpacked(wanted).catch(() => "<p>This browser is too old to show this graph: see the matrix.</p>");
    if (wanted !== drawnNow) return; // another was asked for meanwhile
    graphs().forEach(unlist);
    sheet.innerHTML = svg || "<p>This task has no part in what is shown.</p>";
    graphs().forEach(enlist);
    prepare();
    tellWidth(sheet);
    filter();
    if (state.selected !== null) mark(state.selected, "selected", true);
    markTask(state.task);
  }
  for (const line of $$("#graph .line")) line.setAttribute("aria-label", inWords(Number(line.dataset.e)));
  for (const node of nodes()) {
    const task = data.tasks[Number(node.dataset.t)];
    node.setAttribute("aria-label", `${task.name}: ${aboutTask(task)}${task.metric} ${scoreOf(Number(node.dataset.t))}`);
  }
}

// What a new figure needs: lines that are easy to meet, and parts that take the focus.
function prepare() {
  for (const part of $$("#graph .line, #graph .node")) {
    part.setAttribute("tabindex", "-1");
    part.setAttribute("role", "button");
  }
  nodes()[0]?.setAttribute("tabindex", "0");
  for (const path of $$("#graph .line path")) {
    const hit = path.cloneNode();
    hit.setAttribute("class", "hit");
    path.before(hit);
  }
}

function scoreOf(task) {
  for (const effect of state.frame.effects.values()) {
    if (targetOf(effect.slot) === task && effect[state.frame.number] !== null) return points(effect[state.frame.number]);
  }
  return DASH;
}

// The drawn edges of a task, what it takes first, then what it gives.
function edgesOf(task) {
  const mine = $$("#graph .line").filter((line) => [targetOf(Number(line.dataset.e)), sourceOf(Number(line.dataset.e))].includes(task));
  return mine.sort((a, b) => (targetOf(Number(b.dataset.e)) === task) - (targetOf(Number(a.dataset.e)) === task));
}

let lastNode = null; // from which the edges were entered

function walk(event) {
  const here = document.activeElement;
  const onNode = here.classList.contains("node");
  const node = onNode ? here : lastNode;
  const all = nodes();
  const at = all.indexOf(node);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    focusNode(all[(to + all.length) % all.length]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const edges = edgesOf(Number(node.dataset.t));
    if (!edges.length) return;
    lastNode = node;
    const next = edges.indexOf(here) + (event.key === "ArrowDown" ? 1 : -1);
    if (next === -1 && !onNode) focusNode(node);
    else edges[(next + edges.length + (onNode && next < -1 ? 1 : 0)) % edges.length].focus();
  } else if (event.key === "Escape" && !onNode) {
    focusNode(node);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (onNode) selectTask(Number(here.dataset.t));
    else select(Number(here.dataset.e));
    remember(here);
  }
}

function focusNode(node) {
  for (const other of nodes()) other.setAttribute("tabindex", "-1");
  node.setAttribute("tabindex", "0");
  node.focus();
}

function startGraph() {
  prepare();
  drawnNow = data.frames[0].graphs[data.frames[0].graphs.length > 1 ? state.chosen : 0];
  sheet.addEventListener("keydown", (event) => {
    if (event.target.matches(".line, .node")) walk(event);
  });
  sheet.addEventListener("click", (event) => {
    const part = event.target.closest("[data-t]");
    if (part) selectTask(Number(part.dataset.t));
  });
  for (const select of $$("[data-choose]")) select.addEventListener("change", () => chooseTask(Number(select.value)));
}

// The task whose edges are drawn, and whose effects are plotted, where not all fit.
function chooseTask(task) {
  state.chosen = task;
  for (const select of $$("[data-choose]")) select.value = task;
  plotTarget(task);
  updateGraph();
  updateForest();
  filter();
}
