// What a dot or a row is, beside it on hover and focus; and dots of one colour that stand out.

const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true"); // its words are the label of what it explains
document.body.append(tip);

// Show the text beside a place; nothing without a text. It is text, whatever a name contains.
function showTip(text, { left, bottom, top } = {}) {
  tip.hidden = !text;
  tip.textContent = text ?? "";
  if (!text) return;
  const across = Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const below = bottom + 8 + tip.offsetHeight < innerHeight;
  tip.style.translate = `${Math.max(8, across)}px ${below ? bottom + 8 : Math.max(8, top - tip.offsetHeight - 8)}px`;
}

let about = null; // what the words are beside, if that is an element of the page

function explain(element) {
  about = element;
  if (about) showTip(about.dataset.tip || about.ariaLabel, about.getBoundingClientRect());
  else showTip();
}

// Let the dots of a series stand out, or all again.
function highlight(figure, series) {
  for (const point of figure.querySelectorAll(".point")) {
    point.classList.toggle("dim", series !== undefined && point.dataset.series !== series);
  }
}

function pinned(figure) {
  return figure.querySelector(".colours [aria-pressed=true]")?.dataset.series;
}

// The arrow keys go from dot to dot of a line, and from line to line: one stop of the Tab key a line.
function step(event) {
  const ways = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };
  const track = event.target.closest(".track"), way = ways[event.key];
  if (!track || !way) return;
  event.preventDefault();
  const dots = (place) => [...place.querySelectorAll(".point:not([hidden]) .dot")];
  const line = dots(track), next = line[line.indexOf(event.target) + way];
  const stops = [...event.currentTarget.querySelectorAll(".plot li:not([hidden]) .track")];
  const other = stops[stops.indexOf(track) + way];
  (event.key.endsWith("Right") || event.key.endsWith("Left") ? next : other && dots(other)[0])?.focus();
}

function pin(event) {
  const button = event.target.closest(".colours button");
  if (!button) return;
  const was = button.ariaPressed === "true";
  for (const other of event.currentTarget.querySelectorAll(".colours button")) other.ariaPressed = "false";
  button.ariaPressed = String(!was);
  highlight(event.currentTarget, pinned(event.currentTarget));
}

for (const enter of ["pointerover", "focusin"]) {
  document.addEventListener(enter, ({ target }) => target.closest("[data-tip]") && explain(target.closest("[data-tip]")));
}
for (const leave of ["pointerout", "focusout"]) {
  document.addEventListener(leave, ({ target }) => target.closest("[data-tip]") && explain(null));
}
addEventListener("keydown", ({ key }) => key === "Escape" && explain(null));
addEventListener("scroll", () => about && explain(about), { capture: true, passive: true }); // a box's, too

for (const figure of document.querySelectorAll(".dots")) {
  const enter = (event) => {
    const series = event.target.closest("[data-series]")?.dataset.series;
    if (series !== undefined) highlight(figure, series);
  };
  const leave = (event) => event.target.closest("[data-series]") && highlight(figure, pinned(figure));
  for (const name of ["pointerover", "focusin"]) figure.addEventListener(name, enter);
  for (const name of ["pointerout", "focusout"]) figure.addEventListener(name, leave);
  figure.addEventListener("keydown", step);
  figure.addEventListener("click", pin);
}
