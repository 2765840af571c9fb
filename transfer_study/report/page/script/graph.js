// The drawn graph: its words and classes by frame, and the way through it by keyboard.
const graph = $("#graph");

function widthBin(effect) {
  const size = Math.round(Math.abs(effect.delta) * 1000) / 10;
  return state.frame.limits.filter((limit) => size >= limit).length;
}

function look(element, effect) {
  const marks = ["off", "hot", "selected", "on", "ring"].filter((name) => element.classList.contains(name));
  const width = effect && !absent(effect) ? `b${widthBin(effect)}` : "b0";
  element.setAttribute("class", ["e", effect ? effect.verdict : "absent", width, ...marks].join(" "));
}

function updateGraph() {
  const { effects, limits, tasks } = state.frame;
  for (const element of $$(".edges .e", graph)) {
    const effect = effects.get(Number(element.dataset.e));
    look(element, effect);
    const number = $(".n", element) ?? $("text", element);
    number.textContent = effect ? label(effect) : "";
    const detail = $(".i", element);
    if (detail) detail.textContent = !effect || absent(effect) ? "" : interval(effect.adjusted_low, effect.adjusted_high);
  }
  for (const node of $$(".node", graph)) {
    const task = Number(node.dataset.t);
    const place = node.parentElement;
    place.classList.toggle("absent", !tasks.includes(task));
    const ring = $(".ring", place);
    if (!ring) continue;
    const effect = effects.get(Number(ring.dataset.e));
    look(ring, effect);
    const mix = $(".mix", place);
    if (!mix) continue;
    mix.textContent = effect ? `all: ${label(effect)}` : "";
    mix.setAttribute("class", `mix ${effect ? effect.verdict : ""}`);
  }
  for (const element of $$("[data-limit]")) element.textContent = limits[Number(element.dataset.limit)];
  name();
}

function name() {
  for (const element of $$("[data-e]", graph)) element.setAttribute("aria-label", inWords(Number(element.dataset.e)));
  for (const node of $$(".node", graph)) {
    const task = data.tasks[Number(node.dataset.t)];
    node.setAttribute("aria-label", `${task.name}: ${task.kind}, ${task.domain}, ${task.metric} ${scoreOf(Number(node.dataset.t))}`);
  }
}

function scoreOf(task) {
  for (const effect of state.frame.effects.values()) {
    if (targetOf(effect.slot) === task && effect[state.frame.number] !== null) return points(effect[state.frame.number]);
  }
  return DASH;
}

// The edges of a task, what it takes first, then what it gives.
function edgesOf(task) {
  const mine = $$("[data-e]", graph).filter((element) => {
    const slot = Number(element.dataset.e);
    return !element.classList.contains("absent") && (targetOf(slot) === task || sourceOf(slot) === task);
  });
  return mine.sort((a, b) => (targetOf(Number(b.dataset.e)) === task) - (targetOf(Number(a.dataset.e)) === task));
}

function walk(event) {
  const nodes = $$(".place:not(.absent) .node", graph);
  const here = document.activeElement;
  const onNode = here.classList.contains("node");
  const task = onNode ? Number(here.dataset.t) : state.walk;
  const at = nodes.findIndex((node) => Number(node.dataset.t) === task);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: nodes.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    focusNode(nodes[(to + nodes.length) % nodes.length]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const edges = edgesOf(task);
    if (!edges.length) return;
    state.walk = task;
    const next = edges.indexOf(here) + (event.key === "ArrowDown" ? 1 : -1);
    if (next === -1 && !onNode) focusNode(nodes[at]);
    else edges[(next + edges.length + (onNode && next < -1 ? 1 : 0)) % edges.length].focus();
  } else if (event.key === "Escape" && !onNode) {
    focusNode(nodes[at]);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (onNode) selectTask(task);
    else select(Number(here.dataset.e));
    remember(here);
  }
}

function focusNode(node) {
  for (const other of $$(".node", graph)) other.setAttribute("tabindex", "-1");
  node.setAttribute("tabindex", "0");
  node.focus();
}

function startGraph() {
  for (const element of $$(".node, [data-e]", graph)) {
    element.setAttribute("tabindex", "-1");
    element.setAttribute("role", "button");
  }
  $(".node", graph)?.setAttribute("tabindex", "0");
  graph.addEventListener("keydown", walk);
  graph.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (node && !event.target.closest("[data-e]")) selectTask(Number(node.dataset.t));
  });
  for (const line of $$(".edges .l", graph)) {
    const hit = line.cloneNode(); // broader than the line, so that it is easy to meet
    hit.setAttribute("class", "hit");
    line.before(hit);
  }
  for (const select of $$("[data-choose]")) select.addEventListener("change", () => chooseTask(Number(select.value)));
}

// The task whose edges are drawn, and whose effects are plotted, where not all fit.
function chooseTask(task) {
  for (const select of $$("[data-choose]")) select.value = task;
  for (const spoke of $$("[data-spoke]", graph)) {
    unlist(spoke);
    const other = Number(spoke.dataset.spoke);
    spoke.dataset.e = spoke.dataset.in === "1" ? other * count + task : task * count + other;
    enlist(spoke);
  }
  $("#hub-name").textContent = data.tasks[task].brief;
  $("#hub-score").dataset.base = task;
  $("#hub-score").textContent = scoreOf(task);
  for (const node of $$(".node", graph)) node.classList.toggle("chosen", Number(node.dataset.t) === task);
  plotTarget(task);
  updateGraph();
  updateForest();
  filter();
}
