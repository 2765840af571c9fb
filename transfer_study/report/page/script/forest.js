// Intervals on a scale whose units are points, as forest.py draws them.
const SHAPES = ["raw", "adj", "seeds", "mean", "core"];
const BEYOND = 201 / 190;
const at = (value) => Number((100 * value).toFixed(2));
const view = (limit, top, height) => `${at(-BEYOND * limit)} ${top} ${at(2 * BEYOND * limit)} ${height}`;
const tick = (value) => (value === 0 ? "0" : minus(`${value > 0 ? "+" : ""}${Number((100 * value).toFixed(3))}`));
const bar = (low, high) => (low === null ? "" : `M${at(low)},0H${at(high)}M${at(low)},-4v8M${at(high)},-4v8`);

function drawEffect(scale, effect) {
  const known = effect && !absent(effect);
  const mean = known ? `M${at(effect.delta)},0h0` : "";
  const shapes = known
    ? [bar(effect.low, effect.high), bar(effect.adjusted_low, effect.adjusted_high), effect.by_seed.map((value) => `M${at(value)},-6h0`).join(""), mean, mean]
    : SHAPES.map(() => "");
  SHAPES.forEach((name, n) => $(`.${name}`, scale).setAttribute("d", shapes[n]));
}

function drawMargin(band, margin) {
  band.setAttribute("x", at(-margin));
  band.setAttribute("width", at(2 * margin));
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
  for (const scale of $$("#forest .scale")) {
    const [, top, , height] = scale.getAttribute("viewBox").split(" ");
    scale.setAttribute("viewBox", view(limit, top, height));
  }
  for (const group of $$(".f[data-e]")) {
    const effect = effects.get(Number(group.dataset.e));
    const marks = ["off", "selected", "hot"].filter((name) => group.classList.contains(name));
    group.setAttribute("class", ["f", effect ? effect.verdict : "absent", ...marks].join(" "));
    drawEffect(group, effect);
    if (!effect) continue;
    const sure = effect.verdict in MARKS ? ` ${verdictName(effect.verdict)}` : ` ${interval(effect.adjusted_low, effect.adjusted_high)}`;
    $(".num", group).textContent = label(effect) + sure;
  }
  for (const text of $$("[data-tick]")) text.textContent = tick((Number(text.dataset.tick) / 2 - 1) * limit);
  for (const band of $$("[data-band]")) {
    const task = Number(band.dataset.band);
    const effect = [...effects.values()].find((e) => targetOf(e.slot) === task && e.baseline !== null);
    drawMargin(band, marginOf(effect?.baseline));
  }
}
