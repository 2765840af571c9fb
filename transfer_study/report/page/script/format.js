// Numbers as the tables write them: points, a true minus, a dash for what is not known.
const DASH = "–";
const MARKS = { failed: "×", not_run: "○", not_learned: "◇" };
const minus = (text) => text.replace("-", "−");
const verdictName = (verdict) => verdict.replace("_", " ");

// As points.py rounds: half away from zero, of the six decimals that the page was given.
function points(value, sign = "") {
  if (value === null) return DASH;
  const size = Math.floor((2 * Math.round(Math.abs(value) * 1e6) + 1000) / 2000);
  return `${size && value < 0 ? "−" : size ? sign : ""}${Math.floor(size / 10)}.${size % 10}`;
}

const signed = (value) => points(value, "+");
const interval = (low, high) => (low === null ? DASH : `[${points(low)}, ${points(high)}]`);
const label = (effect) => MARKS[effect.verdict] ?? signed(effect.delta) + (effect.collapsed ? "†" : "");
const pText = (p) => (p === null ? DASH : p < 0.0005 ? "<0.001" : p.toFixed(3));

function seedShare(effect) {
  if (!effect.n_documents || effect.seed_sd === null || effect.example_error === null) return null;
  const seeds = effect.seed_sd ** 2 / Math.max(effect.n_seeds, 1);
  const whole = seeds + effect.example_error ** 2;
  return whole > 0 ? seeds / whole : null;
}

const percent = (share) => (share === null ? DASH : `${Math.round(100 * share)}%`);
const marginOf = (baseline) => (data.margin.absolute ?? 0) + (data.margin.relative ?? 0) * Math.abs(baseline ?? 0);

// One effect in words, for tooltips and for those who hear the page.
function inWords(slot) {
  const effect = state.frame.effects.get(slot);
  const ends = `${sourceName(slot)} → ${taskName(targetOf(slot))}`;
  if (!effect) return ends;
  if (absent(effect)) return `${ends}: ${verdictName(effect.verdict)}`;
  const sure = effect.adjusted_low === null ? "no interval" : interval(effect.adjusted_low, effect.adjusted_high);
  const collapsed = effect.collapsed ? "; the model did not learn" : "";
  return `${ends}: ${signed(effect.delta)} points ${sure}, ${verdictName(effect.verdict)}${collapsed}`;
}
