// Of a report that is written anew as long as its study runs; whoever reads is not disturbed.
let reloading;
const reloadLater = () => {
  clearTimeout(reloading);
  reloading = setTimeout(() => location.reload(), 1000 * Number(document.body.dataset.reloads));
};
for (const kind of ["pointerdown", "pointermove", "keydown", "scroll"]) {
  addEventListener(kind, reloadLater, { passive: true });
}
reloadLater();
