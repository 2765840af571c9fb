document.documentElement.classList.add("js");
startScrolling();
if (data) {
  startChoices();
  startGraph();
  startTables();
  listen();
  show(data.frames[0]);
}
