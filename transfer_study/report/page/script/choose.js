// What is shown: the frame by its axes, the filters, and the tab.
function show(frame) {
  state.frame = frameOf(frame);
  $("#caption").textContent = frame.caption;
  updateGraph();
  updateTables();
  updateForest();
  filter();
  if (state.selected !== null) showEvidence(state.selected);
  else if (state.task !== null) showTask(state.task);
}

// The frame at the chosen values; where there is none, the nearest that has the value just chosen.
function chooseFrame(changed) {
  const wanted = new Map($$("[data-axis]").map((select) => [data.axes.indexOf(select.dataset.axis), select.value]));
  const agrees = (frame) => [...wanted].filter(([axis, value]) => frame.at[axis] === value).length;
  const axis = data.axes.indexOf(changed.dataset.axis);
  const possible = data.frames.filter((frame) => frame.at[axis] === changed.value);
  const best = possible.reduce((a, b) => (agrees(b) > agrees(a) ? b : a));
  for (const select of $$("[data-axis]")) select.value = best.at[data.axes.indexOf(select.dataset.axis)];
  show(best);
}

function openTab(tab) {
  for (const other of $$("[role=tab]")) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).classList.toggle("on", on);
  }
}

function startChoices() {
  const tabs = $$("[role=tab]");
  tabs.forEach((tab, n) => {
    const panel = document.getElementById(tab.getAttribute("aria-controls"));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => openTab(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(n + step + tabs.length) % tabs.length];
      openTab(next);
      next.focus();
    });
  });
  for (const select of $$("[data-axis]")) select.addEventListener("change", () => chooseFrame(select));
  for (const select of $$("[data-filter]")) {
    select.addEventListener("change", () => {
      filters[select.dataset.filter] = select.value;
      filter();
    });
  }
  $("#choices").addEventListener("submit", (event) => event.preventDefault());
  $("#choices").addEventListener("reset", () => {
    for (const key of Object.keys(filters)) filters[key] = "";
    setTimeout(() => show(data.frames[0])); // after the form has put back its first values
  });
}
