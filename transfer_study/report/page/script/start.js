document.documentElement.classList.add("js");
if (data) {
  startChoices();
  startGraph();
  startTables();
  listen();
  show(data.frames[0]);
}
