// Parts that are wider than the window say so, and fade at the side where they go on.
function tellWidth(part) {
  const beyond = part.scrollWidth - part.clientWidth;
  part.classList.toggle("wide", beyond > 1);
  part.classList.toggle("more", part.scrollLeft < beyond - 1);
}

function startScrolling() {
  const seen = new ResizeObserver((entries) => entries.forEach((entry) => tellWidth(entry.target)));
  for (const part of $$(".scroll")) {
    seen.observe(part);
    part.addEventListener("scroll", () => tellWidth(part), { passive: true });
  }
}
