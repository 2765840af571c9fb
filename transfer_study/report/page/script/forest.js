// Intervals on a scale, as forest.py draws them.
const CENTRE = 370;
const HALF = 190;
const place = (value, limit) => CENTRE + HALF * Math.max(-1, Math.min(1, value / limit));
const tick = (value) => (value === 0 ? "0" : minus(`${value > 0 ? "+" : ""}${Number((100 * value).toFixed(3))}`));

function line(low, high, limit) {
  if (low === null) return "";
  const bars = [low, high].filter((end) => Math.abs(end) <= limit).map((end) => `M${place(end, limit)},-4v8`);
  return `M${place(low, limit)},0H${place(high, limit)}${bars.join("")}`;
}

function drawEffect(group, effect, limit) {
  const known = effect && !absent(effect);
  $(".raw", group).setAttribute("d", known ? line(effect.low, effect.high, limit) : "");
  $(".adj", group).setAttribute("d", known ? line(effect.adjusted_low, effect.adjusted_high, limit) : "");
  $(".seeds", group).setAttribute("d", known ? effect.by_seed.map((value) => `M${place(value, limit)},-6h0`).join("") : "");
  $("circle", group).setAttribute("cx", known ? place(effect.delta, limit) : -20);
}

// The rows of another target, where there is one plot for many.
function plotTarget(task) {
  const plot = $("#forest .plot");
  const svg = $("svg", plot);
  const old = $$(".f", svg);
  const slots = [...state.frame.effects.keys()].filter((slot) => targetOf(slot) === task);
  for (const group of old) unlist(group);
  const rows = slots.map((slot, n) => {
    const row = old[n] ?? old[0].cloneNode(true);
    row.dataset.e = slot;
    row.setAttribute("transform", `translate(0,${39 + 26 * n})`);
    $(".who", row).textContent = isRing(slot) ? "all together" : data.tasks[sourceOf(slot)].brief;
    enlist(row);
    return row;
  });
  svg.append(...rows);
  for (const group of old.slice(slots.length)) group.remove();
  svg.setAttribute("viewBox", `0 0 760 ${30 + 26 * slots.length}`);
  $(".band", svg).dataset.band = task;
  $("[data-base]", plot).dataset.base = task;
  $(".on", plot).textContent = taskName(task);
  svg.parentElement.setAttribute("aria-label", `Effects on ${taskName(task)}`);
  svg.setAttribute("aria-label", `Effects on ${taskName(task)}, in points`);
}

function updateForest() {
  const { effects, limit } = state.frame;
  for (const group of $$(".f[data-e]")) {
    const effect = effects.get(Number(group.dataset.e));
    const marks = ["off", "selected", "hot"].filter((name) => group.classList.contains(name));
    group.setAttribute("class", ["f", effect ? effect.verdict : "absent", ...marks].join(" "));
    drawEffect(group, effect, limit);
    if (!effect) continue;
    const sure = effect.verdict in MARKS ? ` ${verdictName(effect.verdict)}` : ` ${interval(effect.adjusted_low, effect.adjusted_high)}`;
    $(".num", group).textContent = label(effect) + sure;
  }
  for (const text of $$("[data-tick]")) text.textContent = tick((Number(text.dataset.tick) / 2 - 1) * limit);
  for (const band of $$("[data-band]")) {
    const task = Number(band.dataset.band);
    const effect = [...effects.values()].find((e) => targetOf(e.slot) === task && e.baseline !== null);
    const margin = marginOf(effect?.baseline);
    band.setAttribute("x", place(-margin, limit));
    band.setAttribute("width", place(margin, limit) - place(-margin, limit));
  }
}
