// Tables that sort: a click on a head, by the value of each cell or by its text.

const FIGURE = /^[~±]?([\d.]+)([-–][\d.]+)?( ?[%\w/]+)?\*?$/;
const collator = new Intl.Collator("en", { numeric: true });

// The value of a cell: a number where it is one, else its text; null where it has none, or says what failed.
function valueOf(cell) {
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  if (text === "-" || cell.classList.contains("bad")) return null;
  const figure = cell.localName === "td" && FIGURE.exec(text);
  return figure ? Number(figure[1]) : text;
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
}

// The first click puts the largest figure on top, and words from A to Z; what has no value is at the end.
function sortBy(head) {
  const body = head.closest("table").tBodies[0], column = head.cellIndex;
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[column]) }));
  const known = rows.filter(({ value }) => value !== null), rest = rows.filter(({ value }) => value === null);
  const first = known.some(({ value }) => typeof value === "number") ? "descending" : "ascending";
  const second = first === "ascending" ? "descending" : "ascending";
  const order = head.ariaSort === first ? second : first;
  const sign = order === "ascending" ? 1 : -1;
  known.sort((a, b) => sign * compare(a.value, b.value));
  body.append(...[...known, ...rest].map(({ row }) => row));
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
}

for (const head of document.querySelectorAll(".sortable thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => sortBy(head));
}
