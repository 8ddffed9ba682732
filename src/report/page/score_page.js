/* The page of scores: reads the document that the page carries. */

function showReport() {
  const report = readData("scores");
  const page = readData("page");
  const main = document.getElementById("main");
  const views = makeViews(report, page.media);
  main.append(
    ...[
      makeOverview(report, views),
      ...views.map((view) => makeRecording(view, page.language, views.length === 1)),
    ].filter(Boolean),
  );
  views.forEach((view) => view.begin());
  fillFooter(report, page.version);
  setUpTheme();
  setUpPrinting();
  if (location.hash.length > 1)
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

showReport();
