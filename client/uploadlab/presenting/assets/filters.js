// The filters: what is not chosen is hidden, in tables by attributes, in charts by points.

const report = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filters");
const KINDS = ["deployment", "method", "size", "tier"];
const tierOf = new Map(report.deployments.map((name, number) => [name, report.tiers[number]]));

// The chosen values of each kind; none where there is but one to choose.
function chosen() {
  const found = {};
  for (const kind of KINDS) {
    const boxes = form ? [...form.querySelectorAll(`input[name=${kind}]`)] : [];
    found[kind] = boxes.length ? new Set(boxes.filter((box) => box.checked).map((box) => box.value)) : null;
  }
  return found;
}

const allows = (set, value) => !set || value === undefined || set.has(value);

function isShown(want, { deployment, method, size, tier }) {
  return (
    allows(want.deployment, deployment) &&
    allows(want.method, method) &&
    allows(want.size, size) &&
    allows(want.tier, tier ?? tierOf.get(deployment))
  );
}

function hideRest(want) {
  const keyed = "[data-deployment], [data-method], [data-size], [data-tier]";
  for (const one of document.querySelectorAll(`:is(main, .legend) :is(${keyed})`)) {
    one.hidden = !isShown(want, one.dataset);
  }
  for (const region of document.querySelectorAll(".scroll")) {
    const empty = !region.querySelector("tbody tr:not([hidden]) :is(td, .group):not([hidden])");
    region.hidden = empty || !isShown(want, region.dataset);
  }
}

function tell(want) {
  const count = (kind, all) => `${want[kind] ? all.filter((one) => want[kind].has(String(one))).length : all.length}`;
  const names = report.deployments.filter((name) => isShown(want, { deployment: name }));
  const parts = [`${names.length} of ${report.deployments.length} deployments`];
  if (report.methods.length > 1) parts.push(`${count("method", report.methods)} of ${report.methods.length} methods`);
  if (report.sizes.length > 1) parts.push(`${count("size", report.sizes)} of ${report.sizes.length} sizes`);
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
  if (!location.hash.startsWith("#hide:")) return;
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

const makers = typeof chartsOf === "function" ? chartsOf(report) : [];
const charts = [];
let turn = 0;

// Only the last change draws on: an older one stops at its next chart.
async function drawAll(want) {
  const mine = (turn += 1);
  const keeps = (one) =>
    isShown(want, { deployment: report.deployments[one.deployment], method: one.method, size: String(report.sizes[one.size]) });
  for (const [number, make] of makers.entries()) {
    charts[number] ??= make();
    await charts[number].draw(keeps);
    if (mine !== turn) return;
  }
  document.documentElement.dataset.drawn = mine;
}

function apply() {
  const want = chosen();
  hideRest(want);
  tell(want);
  drawAll(want);
}

if (form) {
  recall();
  form.hidden = false;
  form.querySelector("details").open = matchMedia("(min-width: 40rem)").matches;
  form.addEventListener("change", () => (remember(), apply()));
  for (const button of form.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => (toggle(button.dataset.all), remember(), apply()));
  }
  form.addEventListener("reset", () => setTimeout(() => (remember(), apply())));
  addEventListener("hashchange", () => location.hash.startsWith("#hide:") && (recall(), apply()));
  apply();
}
