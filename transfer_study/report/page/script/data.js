// The data, once in the page, as objects; an effect is known by its slot (see payload.py).
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const count = data ? data.tasks.length : 0;
const isRing = (slot) => slot >= count * count;
const sourceOf = (slot) => (isRing(slot) ? null : Math.floor(slot / count));
const targetOf = (slot) => (isRing(slot) ? slot - count * count : slot % count);
const taskName = (task) => data.tasks[task].name;
// Of tasks that others have learned neither is known.
const aboutTask = (task) => (task.kind ? `${task.kind}, ${task.domain}, ` : "");
const sourceName = (slot) => (isRing(slot) ? "all at once" : taskName(sourceOf(slot)));

function unpack(names, values) {
  return Object.fromEntries(names.map((name, n) => [name, values[n]]));
}

function frameOf(packed) {
  const effects = new Map();
  for (const values of packed.effects) {
    const effect = unpack(data.effect, values);
    effects.set(effect.slot, effect);
  }
  return { ...packed, effects };
}

// What is shown and chosen; only `show`, `select` and `chooseTask` change it.
const state = { frame: null, selected: null, task: null, chosen: data?.chosen };
const absent = (effect) => !effect || effect.delta === null || effect.verdict === "not_learned";
const decided = (effect) => effect.verdict === "gain" || effect.verdict === "loss";

// All elements of the page that show an effect, by slot.
const shownBy = new Map();
const enlist = (element) => {
  const slot = Number(element.dataset.e);
  if (!shownBy.has(slot)) shownBy.set(slot, []);
  shownBy.get(slot).push(element);
};
const unlist = (element) => {
  const slot = Number(element.dataset.e);
  shownBy.set(slot, shownBy.get(slot).filter((other) => other !== element));
};
$$("[data-e]").forEach(enlist);

function el(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "circle", "rect", "text", "g"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") made.addEventListener("click", value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function say(text) {
  $("#said").textContent = text;
}
