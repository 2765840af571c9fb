// What all views share: the selected effect, the one pointed at, and which pass the filters.
const filters = { task: "", kind: "", size: "", sign: "", certainty: "" };

function passes(effect) {
  const target = targetOf(effect.slot);
  if (filters.task !== "" && ![sourceOf(effect.slot), target].includes(Number(filters.task))) return false;
  if (filters.kind && data.tasks[target].kind !== filters.kind) return false;
  if (filters.size && !(Math.abs(100 * effect.delta) >= Number(filters.size))) return false;
  if (filters.sign && !(effect.delta * Number(filters.sign) > 0)) return false;
  if (filters.certainty === "decided") return decided(effect);
  if (filters.certainty === "absent") return effect.verdict === "failed" || effect.verdict === "not_run";
  return !filters.certainty || effect.verdict === filters.certainty;
}

function filter() {
  let shown = 0;
  for (const [slot, elements] of shownBy) {
    const effect = state.frame.effects.get(slot);
    const on = Boolean(effect) && passes(effect);
    shown += on;
    for (const element of elements) element.classList.toggle("off", Boolean(effect) && !on);
  }
  $("#count").textContent = `${shown} of ${state.frame.effects.size} effects shown`;
}

function mark(slot, name, on) {
  for (const element of shownBy.get(slot) ?? []) {
    element.classList.toggle(name, on);
    if (name === "selected" && element.getAttribute("role") !== null) element.setAttribute("aria-pressed", String(on));
  }
}

function select(slot) {
  if (state.selected !== null) mark(state.selected, "selected", false);
  markTask(null);
  state.selected = slot;
  mark(slot, "selected", true);
  showEvidence(slot);
}

function markTask(task) {
  state.task = task;
  for (const part of $$("#graph [data-t]")) part.classList.toggle("selected", Number(part.dataset.t) === task);
}

function selectTask(task) {
  if (state.selected !== null) mark(state.selected, "selected", false);
  state.selected = null;
  markTask(task);
  showTask(task);
}

// The tooltip follows what the pointer or the focus is on.
const tip = $("#tip");

function point(slot, box) {
  mark(slot, "hot", true);
  tip.textContent = inWords(slot);
  tip.hidden = false;
  const wide = tip.offsetWidth;
  const left = Math.min(Math.max(box.x + 12, 4), document.documentElement.clientWidth - wide - 4);
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(box.y - tip.offsetHeight - 12, 4)}px`;
}

function unpoint(slot) {
  mark(slot, "hot", false);
  tip.hidden = true;
}

const slotAt = (event) => {
  const element = event.target.closest?.("[data-e]");
  return element ? Number(element.dataset.e) : null;
};

function listen() {
  document.addEventListener("pointerover", (event) => {
    const slot = slotAt(event);
    if (slot !== null) point(slot, { x: event.clientX, y: event.clientY });
  });
  document.addEventListener("pointerout", (event) => {
    const slot = slotAt(event);
    if (slot !== null) unpoint(slot);
  });
  document.addEventListener("focusin", (event) => {
    const slot = event.target.matches?.("[data-e]") ? slotAt(event) : null;
    if (slot === null) return;
    const { right, top } = event.target.getBoundingClientRect();
    point(slot, { x: right, y: top });
  });
  document.addEventListener("focusout", (event) => {
    const slot = slotAt(event);
    if (slot !== null) unpoint(slot);
  });
  document.addEventListener("click", (event) => {
    const slot = slotAt(event);
    if (slot !== null) select(slot);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });
}
