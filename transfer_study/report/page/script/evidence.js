// The panel beside the views: all that is known of one effect, or of one task.
const body = $("#evidence-body");
let origin = null; // where the keyboard goes back to

function remember(element) {
  origin = element;
  const heading = $("#h-evidence");
  heading.focus();
  heading.scrollIntoView({ block: "nearest" });
}

const terms = (...pairs) => el("dl", {}, ...pairs.filter(([, value]) => value !== null).flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
const store = '"${TRANSFER_STUDY_STORE:-results/stages}"';

function logOf(stage) {
  const name = data.stages[stage];
  return data.failed.includes(stage) ? `cat ${store}/failures/${name}/error.txt` : `cat ${store}/stages/${name}/history.jsonl`;
}

function scale(effect) {
  const limit = state.frame.limit;
  const margin = marginOf(effect.baseline);
  const shown = el("svg", { class: `scale f ${effect.verdict}`, y: 10, width: 402, height: 44, viewBox: view(limit, -22, 44), preserveAspectRatio: "none" },
    el("rect", { class: "band", y: -22, height: 44 }), el("path", { class: "zero", d: "M0,-22v44" }), ...SHAPES.map((name) => el("path", { class: name })));
  drawEffect(shown, effect);
  drawMargin(shown.firstChild, margin);
  const ticks = [-1, -0.5, 0, 0.5, 1].map((share) => el("text", { x: 201 + 190 * share, y: 70 }, tick(share * limit)));
  return el("svg", { viewBox: "-12 0 426 78", role: "img", "aria-label": `${inWords(effect.slot)}; margin ${points(margin)} points` },
    shown, el("g", { class: "ticks" }, ...ticks));
}

function overTable(effect) {
  const rows = Object.entries(effect.over).map(([control, values]) => {
    const over = unpack(data.over, values);
    const words = [signed(over.delta), interval(over.adjusted_low, over.adjusted_high), pText(over.adjusted_p), verdictName(over.verdict)];
    return el("tr", {}, el("th", { scope: "row" }, control), ...words.map((word) => el("td", { class: "r" }, word)));
  });
  if (!rows.length) return el("p", {}, "No control was run for this effect.");
  const head = ["over", "change", "adjusted interval", "p", "verdict"].map((word) => el("th", { scope: "col" }, word));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Over controls" },
    el("table", { class: "data" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
}

const TOLD_APART = { class: "by class", length: "by length", rarity: "by rarity of what is asked for", overlap: "by share of its words that the partner's training has" };

// A group of rows for each way to tell parts apart; in a narrow panel, the interval is below.
function partsTable(effect) {
  if (!effect.parts.length) return null;
  const rows = [];
  let by = null;
  for (const values of effect.parts) {
    const part = unpack(data.part, values);
    if (part.by !== by) rows.push(el("tr", { class: "by" }, el("th", { colspan: "3", scope: "rowgroup" }, TOLD_APART[part.by])));
    by = part.by;
    const word = decided(part) ? ` ${verdictName(part.verdict)}` : "";
    rows.push(el("tr", { class: part.verdict }, el("th", { scope: "row" }, part.part), el("td", { class: "r" }, part.n.toLocaleString("en")),
      el("td", { class: "r" }, `${signed(part.delta)}${word}`, el("br"), interval(part.adjusted_low, part.adjusted_high))));
  }
  const head = ["part", "n", "change"].map((word) => el("th", { scope: "col" }, word));
  return el("table", { class: "data parts" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

function meaning(effect) {
  if (!effect.said.length && !effect.parts.length) return [];
  return [el("h4", {}, "What it means"), ...effect.said.map((sentence) => el("p", {}, sentence)), partsTable(effect)].filter((part) => part !== null);
}

function recipe() {
  const words = state.frame.kinds.map((kind) => {
    const { epochs, batch_size: batch, learning_rate: rate, optimizer, schedule, precision } = data.recipes[kind];
    return `${kind}: ${epochs} epochs, batches of ${batch}, rate ${rate}, ${optimizer}, ${schedule}, ${precision}`;
  });
  return el("p", {}, `${words.join("; ")}. `, el("a", { href: "#reproduce" }, "All settings"));
}

function runList(effect) {
  const items = effect.runs.map(([seed, stage, alone]) => el("li", {}, `seed ${seed}: `, el("code", {}, data.stages[stage]), " against ", el("code", {}, data.stages[alone])));
  const logs = [...new Set(effect.runs.flatMap(([, stage, alone]) => [stage, alone]))].map(logOf).join("\n");
  const known = state.frame.kinds.length > 0; // of what others trained there are none here
  return el("details", {}, el("summary", {}, `${effect.runs.length} runs${known ? " and their logs" : ""}`), el("ul", {}, ...items),
    ...(known ? [el("p", {}, "To see their logs:"), el("pre", { class: "scroll", tabindex: "0" }, logs)] : []));
}

function shareBar(share) {
  const bar = el("div", { class: "share", "aria-hidden": "true" }, el("i"));
  bar.firstChild.style.width = `${100 * share}%`;
  return el("div", {}, `${percent(share)} from seeds, ${percent(1 - share)} from test examples`, bar);
}

function title(text) {
  $("#evidence").classList.add("open");
  $("#h-evidence").textContent = text;
  say(text);
}

const back = () => el("button", { type: "button", on: () => origin?.focus() }, "Back to where you were");

function showEvidence(slot) {
  const effect = state.frame.effects.get(slot);
  const [source, target] = [sourceName(slot), taskName(targetOf(slot))];
  if (!effect) {
    title(`${source} → ${target}`);
    body.replaceChildren(el("p", {}, "Not part of what is shown."));
    return;
  }
  title(`${source} → ${target}: ${absent(effect) ? "" : `${signed(effect.delta)}, `}${verdictName(effect.verdict)}`);
  const metric = data.tasks[targetOf(slot)].metric;
  const share = seedShare(effect);
  const numbers = absent(effect) ? [el("p", {}, `This effect has no number: ${verdictName(effect.verdict)}.`)] : [
    el("p", {}, `${target} scores ${points(effect.score)} (${metric}) against ${points(effect.baseline)}: ${signed(effect.delta)} points.`),
    scale(effect),
    terms(
      ["Adjusted interval", `${interval(effect.adjusted_low, effect.adjusted_high)}, p ${pText(effect.adjusted_p)} (${data.correction} over ${state.frame.family} effects)`],
      ["By itself", `${interval(effect.low, effect.high)}, p ${pText(effect.p)}`],
      ["Margin", `±${points(marginOf(effect.baseline))} points`],
      ["Seeds", `${effect.n_seeds}: ${effect.by_seed.map(signed).join(", ")}`],
      ["Seeds of what it is held against", effect.n_baseline_seeds > effect.n_seeds ? String(effect.n_baseline_seeds) : null],
      ["Test examples", effect.n_test ? String(effect.n_test) : null],
      ["Uncertainty", share === null ? null : shareBar(share)],
      ["Degrees of freedom", effect.freedom === null ? null : effect.freedom.toFixed(1)],
    ),
    ...meaning(effect),
    el("h4", {}, "Over controls"), overTable(effect),
  ];
  const learned = state.frame.kinds.length ? [el("h4", {}, "Recipe"), recipe()] : [];
  body.replaceChildren(...numbers,
    el("h4", {}, "How it could be wrong"), el("ul", {}, ...effect.doubts.map((doubt) => el("li", {}, data.doubts[doubt]))),
    ...learned, el("h4", {}, learned.length ? "Stages" : "Runs"), runList(effect), back());
}

function showTask(task) {
  const about = data.tasks[task];
  title(about.name);
  const effects = [...state.frame.effects.values()].sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta));
  const list = (those) => el("ul", {}, ...those.map((effect) => el("li", {},
    el("button", { type: "button", class: effect.verdict, on: () => { select(effect.slot); $("#h-evidence").focus(); } }, inWords(effect.slot)))));
  body.replaceChildren(
    terms(["Kind", about.kind || null], ["Domain", about.kind ? about.domain : null], [about.metric, `${scoreOf(task)} ${state.frame.base}`]),
    el("h4", {}, "What others do to it"), list(effects.filter((effect) => targetOf(effect.slot) === task)),
    el("h4", {}, "What it does to others"), list(effects.filter((effect) => sourceOf(effect.slot) === task)), back());
}
