// The charts: each panel is a view of one compiled specification, drawn one after the other.

const COLOURS = 10; // as many as report.css has
// Paths in a box from -1 to 1, for marks and legend alike: methods differ by shape, too.
const SHAPES = [
  "M0,-.9A.9,.9,0,1,1,0,.9A.9,.9,0,1,1,0,-.9Z",
  "M-.8,-.8H.8V.8H-.8Z",
  "M0,-1L.95,.75H-.95Z",
  "M0,-1.15L.9,0L0,1.15L-.9,0Z",
  "M-.33,-1H.33V-.33H1V.33H.33V1H-.33V.33H-1V-.33H-.33Z",
  "M0,1L.95,-.75H-.95Z",
  "M-.25,-.25V-1H.25V-.25L.8,-.8L.8,.8L-.8,.8L-.8,-.8Z",
  "M1,0L-.75,.95V-.95Z",
  "M-1,-.35H1V.35H-1Z",
  "M-1,0L.75,.95V-.95Z",
];
const SOFT = "var(--soft)", LINE = "var(--line)";
const SIZE_LABEL =
  "datum.value >= 1073741824 ? format(datum.value / 1073741824, '~g') + ' GiB' : " +
  "datum.value >= 1048576 ? format(datum.value / 1048576, '.3~g') + ' MiB' : " +
  "datum.value >= 1024 ? format(datum.value / 1024, '.3~g') + ' KiB' : datum.value + ' B'";
const SPREAD = 0.12; // of a size, to each side, over all methods

const colourOf = (number) => `var(--c${number % COLOURS})`;
const shapeOf = (number) => SHAPES[number % SHAPES.length];

function sizeText(bytes) {
  for (const [name, factor] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (bytes >= factor) return `${Number((bytes / factor).toPrecision(3))} ${name}`;
  }
  return `${bytes} bytes`;
}

// Points as records. Methods of one size stand side by side, so that none hides another.
function recordsOf(chart, report) {
  const bySize = chart.x.unit === "size";
  const middle = (report.methods.length - 1) / 2 || 1;
  return chart.points.map(([deployment, method, size, y, x]) => {
    const across = bySize ? report.sizes[size] : x;
    const aside = bySize ? 1 + (SPREAD * (method - middle)) / middle : 1;
    const key = [deployment, method, size];
    const record = { key, deployment, method: report.methods[method], size, y, x: across * aside };
    const where = bySize ? sizeText(across) : `${across} users`;
    record.told = `${report.deployments[deployment]}, ${record.method}, ${where}: ${y} ${chart.y.unit}`;
    return record;
  });
}

// From a bit below the least to a bit above the most, so that marks and labels at the ends have room.
function domainOf(values) {
  const least = values.reduce((a, b) => Math.min(a, b)), most = values.reduce((a, b) => Math.max(a, b));
  const room = Math.max(1.35, (most / least) ** 0.12);
  return [least / room, most * room];
}

function logAxis(channel, axis, values, ticks) {
  const across = channel === "x";
  return {
    field: channel,
    type: "quantitative",
    scale: { type: "log", base: across ? 2 : 10, domain: domainOf(values), nice: false },
    axis: {
      title: axis.title,
      values: ticks,
      labelExpr: axis.unit === "size" ? SIZE_LABEL : "format(datum.value, '.3~r')",
      labelOverlap: "greedy",
      grid: !across,
      labelSeparation: 6,
    },
  };
}

// Ticks that say something: the sizes or users of the run, and round figures upwards.
function ticksOf(values) {
  const [least, most] = domainOf(values);
  const range = most / least;
  const steps = range > 200 ? [1] : range > 12 ? [1, 3] : range > 4 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const found = [];
  for (let power = Math.floor(Math.log10(least)); 10 ** power <= most; power += 1) {
    for (const step of steps) {
      const tick = Number((step * 10 ** power).toPrecision(3));
      if (tick >= least && tick <= most) found.push(tick);
    }
  }
  return found;
}

function specOf(chart, records, report) {
  const sizes = chart.x.unit === "size";
  const xs = [...new Set(records.map((record) => (sizes ? report.sizes[record.size] : record.x)))].sort((a, b) => a - b);
  const ys = records.map((record) => record.y);
  const colour = {
    field: "method", type: "nominal", legend: null,
    scale: { domain: report.methods, range: report.methods.map((_, number) => colourOf(number)) },
  };
  const shape = {
    field: "method", type: "nominal", legend: null,
    scale: { domain: report.methods, range: report.methods.map((_, number) => shapeOf(number)) },
  };
  const x = logAxis("x", chart.x, xs, xs), y = logAxis("y", chart.y, ys, ticksOf(ys));
  return {
    width: chart.panels ? 280 : 480,
    height: chart.panels ? 210 : 280,
    autosize: { type: "fit", contains: "padding" },
    padding: 2,
    background: null,
    data: { name: "points" },
    layer: [
      {
        mark: { type: "line", strokeWidth: 1.2, opacity: 0.75, aria: false, tooltip: null },
        encoding: { x, y: { ...y, aggregate: "median" }, color: colour },
      },
      {
        mark: { type: "point", filled: true, size: 34, opacity: 0.85 },
        encoding: {
          x, y, color: colour, shape,
          description: { field: "told" }, tooltip: { field: "told" },
        },
      },
    ],
    config: {
      font: "system-ui, sans-serif",
      view: { stroke: LINE },
      axis: {
        labelColor: SOFT, titleColor: SOFT, titleFontWeight: "normal", gridColor: LINE, tickColor: LINE,
        domainColor: LINE, labelFontSize: 10, titleFontSize: 10.5, titlePadding: 5,
      },
    },
  };
}

function addPanel(place, number, name, tier) {
  const panel = document.createElement("div"), box = document.createElement("div");
  panel.className = name === null ? "panel whole" : "panel";
  if (name !== null) {
    panel.dataset.key = String(number);
    const title = document.createElement("h4"), kind = document.createElement("small");
    kind.textContent = ` ${tier}`;
    title.append(name, kind);
    panel.append(title);
  }
  panel.append(box);
  place.append(panel);
  return box;
}

function legendItem(name, number) {
  const item = document.createElement("li");
  item.dataset.key = `- ${number}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "-1.2 -1.2 2.4 2.4");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", shapeOf(number));
  path.setAttribute("fill", colourOf(number));
  svg.append(path);
  item.append(svg, name);
  return item;
}

// The panels of a chart with their points: drawn now, and again when the filters change.
class Panels {
  constructor(chart, report, showTip) {
    const records = recordsOf(chart, report);
    const compiled = vegaLite.compile(specOf(chart, records, report)).spec;
    this.runtime = vega.parse(compiled, {}, { ast: true });
    this.tip = showTip;
    this.panels = [];
    const place = document.getElementById(chart.id).querySelector(".panels");
    const groups = chart.panels ? Map.groupBy(records, (record) => record.deployment) : new Map([[null, records]]);
    for (const [number, points] of [...groups].sort(([a], [b]) => a - b)) {
      const name = number === null ? null : report.deployments[number];
      const box = addPanel(place, number, name, report.tiers[number]);
      const description = `${chart.title}${name === null ? "" : `: ${name}`}`;
      this.panels.push({ box, points, description, view: null });
    }
  }

  draw(panel, keeps) {
    panel.view ??= this.view(panel);
    panel.view.data("points", panel.points.filter(keeps)).run();
  }

  view({ box, description }) {
    return new vega.View(this.runtime, {
      expr: expressionInterpreter, renderer: "svg", container: box, hover: false, description,
    }).tooltip((_handler, { clientX, clientY }, _item, value) =>
      this.tip(value, { left: clientX + 12, bottom: clientY + 6, top: clientY }),
    );
  }
}

function fillLegends(report) {
  for (const list of document.querySelectorAll(".legend")) {
    list.append(...report.methods.map(legendItem));
    list.hidden = false;
  }
}
