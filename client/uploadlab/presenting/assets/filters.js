// The filters: what is not chosen is hidden, on the page by keys, in charts by points.

const report = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filters");
const tierNames = [...new Set(report.tiers)];
// The order of a key, which has the numbers of its fields in these lists: "3 - 1".
const KINDS = { deployment: report.deployments, method: report.methods, size: report.sizes, tier: tierNames };

// The chosen numbers of each kind; null where there is but one to choose.
function chosen() {
  return Object.entries(KINDS).map(([kind, values]) => {
    const boxes = form ? [...form.querySelectorAll(`input[name=${kind}]`)] : [];
    if (!boxes.length) return null;
    const names = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    return new Set(values.flatMap((value, number) => (names.has(String(value)) ? [number] : [])));
  });
}

function isShown(want, [deployment = "-", method = "-", size = "-", tier = "-"]) {
  const known = deployment === "-" ? tier : tierNames.indexOf(report.tiers[deployment]);
  return [deployment, method, size, known].every(
    (number, kind) => !want[kind] || number === "-" || want[kind].has(Number(number)),
  );
}

function hideRest(want) {
  const hides = ({ dataset }) => dataset.key !== undefined && !isShown(want, dataset.key.split(" "));
  for (const keyed of document.querySelectorAll("main [data-key]")) keyed.hidden = hides(keyed);
  for (const region of document.querySelectorAll(".scroll")) {
    region.hidden = hides(region) || !region.querySelector("tbody tr:not([hidden]) :is(td, .group):not([hidden])");
  }
  // A line of dots without any, and without a loss, says nothing.
  for (const line of document.querySelectorAll(".plot li")) {
    line.hidden = hides(line) || !line.querySelector(":is(.point, .cell):not([hidden])");
  }
}

function showCounts(want) {
  const shown = report.deployments.filter((_, number) => isShown(want, [number]));
  const parts = [`${shown.length} of ${report.deployments.length} deployments`];
  if (report.methods.length > 1) parts.push(`${want[1].size} of ${report.methods.length} methods`);
  if (report.sizes.length > 1) parts.push(`${want[2].size} of ${report.sizes.length} sizes`);
  document.getElementById("shown").textContent = parts.join(", ");
}

// What is hidden stands in the address, so that a link shows the same; all shown leaves it as it was.
function remember() {
  const off = [...form.querySelectorAll("input:not(:checked)")].map((box) => [box.name, box.value]);
  const text = new URLSearchParams(off).toString();
  if (text || location.hash.startsWith("#hide:")) {
    history.replaceState(null, "", text ? `#hide:${text}` : location.pathname + location.search);
  }
}

function recall() {
  const off = [...new URLSearchParams(location.hash.slice("#hide:".length))];
  for (const box of form.querySelectorAll("input")) {
    box.checked = !off.some(([name, value]) => name === box.name && value === box.value);
  }
}

// All of a kind, or where they are all chosen, none: few of many are a few clicks then.
function toggle(kind) {
  const boxes = [...form.querySelectorAll(`input[name=${kind}]`)];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
}

function apply() {
  const want = chosen();
  hideRest(want);
  showCounts(want);
  drawOpen();
}

function startFilters() {
  if (location.hash.startsWith("#hide:")) recall();
  form.hidden = false;
  form.querySelector("details").open = matchMedia("(min-width: 70rem)").matches;
  form.addEventListener("change", () => (remember(), apply()));
  for (const button of form.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => (toggle(button.dataset.all), remember(), apply()));
  }
  form.addEventListener("reset", () => setTimeout(() => (remember(), apply())));
  addEventListener("hashchange", () => location.hash.startsWith("#hide:") && (recall(), apply()));
  if (location.hash.startsWith("#hide:")) hideRest(chosen());
  showCounts(chosen());
}

if (form) startFilters();
