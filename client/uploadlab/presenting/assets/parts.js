// The sections: links and addresses open them, and what has charts draws them when it is opened.

const parts = [...document.querySelectorAll("details.part")];
const openAll = document.getElementById("open-all");
const drawings = new Map();
let turn = 0;

// The library runs when the first chart is drawn: the page's policy allows these texts, and no other.
function runLibrary() {
  for (const later of document.querySelectorAll("script.later")) {
    const script = document.createElement("script");
    script.textContent = later.textContent;
    later.replaceWith(script);
  }
}

function drawingsOf(part) {
  return report.charts
    .filter((chart) => part.contains(document.getElementById(chart.id)))
    .map((chart) => {
      if (!drawings.size) (runLibrary(), fillLegends(report));
      if (!drawings.has(chart.id)) drawings.set(chart.id, new Panels(chart, report, showTip));
      return drawings.get(chart.id);
    });
}

// Draw the charts of open sections, a panel a task, so that the page stays responsive meanwhile. Only the last
// change draws on: an older one stops.
async function drawOpen() {
  const mine = (turn += 1), want = form ? chosen() : [], known = drawings.size;
  const open = parts.filter((part) => part.open).flatMap(drawingsOf);
  if (drawings.size > known) hideRest(want);
  for (const drawing of open) {
    for (const panel of drawing.panels) {
      drawing.draw(panel, (record) => isShown(want, record.key));
      await new Promise((resume) => setTimeout(resume));
      if (mine !== turn) return;
    }
  }
  document.documentElement.dataset.drawn = mine;
}

// A section by the id of its heading, if that is in one.
function open(id) {
  const heading = document.getElementById(id), part = heading?.closest("details.part");
  if (!part) return;
  part.open = true;
  heading.scrollIntoView();
}

function follow(event) {
  const link = event.target.closest("nav a");
  if (!link) return;
  open(link.hash.slice(1));
  if (location.hash.startsWith("#hide:")) event.preventDefault(); // the address keeps the filters
}

function nameButton() {
  const all = parts.every((part) => part.open);
  openAll.textContent = all ? "close all" : "open all";
  openAll.setAttribute("aria-pressed", all);
}

// Printed, every section is open, and its charts are drawn at once.
function openForPrint() {
  const want = form ? chosen() : [];
  for (const closed of document.querySelectorAll(".parts details:not([open])")) {
    closed.open = true;
    closed.dataset.wasClosed = "";
  }
  for (const drawing of parts.flatMap(drawingsOf)) {
    for (const panel of drawing.panels) drawing.draw(panel, (record) => isShown(want, record.key));
  }
}

function closeAfterPrint() {
  for (const closed of document.querySelectorAll("[data-was-closed]")) {
    closed.open = false;
    delete closed.dataset.wasClosed;
  }
}

// The docs lie beside a run only where both are files of the checkout, not where the viewer shows it.
if (location.protocol === "file:") {
  for (const words of document.querySelectorAll("[data-href]")) {
    const link = document.createElement("a");
    link.href = words.dataset.href;
    words.replaceWith(link);
    link.append(words);
  }
}

if (openAll) {
  openAll.hidden = false;
  openAll.addEventListener("click", () => {
    const all = parts.every((part) => part.open);
    for (const part of parts) part.open = !all;
  });
  for (const part of parts) part.addEventListener("toggle", () => (nameButton(), part.open && drawOpen()));
  document.querySelector("nav").addEventListener("click", follow);
  addEventListener("hashchange", () => open(location.hash.slice(1)));
  addEventListener("beforeprint", openForPrint);
  addEventListener("afterprint", closeAfterPrint);
  open(location.hash.slice(1));
  nameButton();
}
requestAnimationFrame(() => setTimeout(drawOpen)); // after the first picture, which needs no script
