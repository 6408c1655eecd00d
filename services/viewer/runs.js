// The list of runs: what each was, found again by words, kind, deployment and worst result.
import { code, duration, link, make, say, when } from "./page.js"
import { chosen } from "./pair.js"
import { read, TONES } from "./record.js"

const MOST_OFFERED = 500 // deployments to choose from
const SHOWN_NAMES = 4 // of a run's deployments
const AT_ONCE = 8 // rows that are read at the same time
const NOTHING = { kinds: [], deployments: [], targets: [] } // of a run that cannot be read
const list = document.getElementById("list")
const filters = document.getElementById("filters")
const [search, kind, deployment, worst] = filters.querySelectorAll("input, select")
const clear = filters.querySelector("button")
let rows = []

// A run's name begins with its time; any other folder is as old as its last change.
function age({ name, mtime }) {
  const time = new Date(mtime).toISOString().replace(/[-:]/g, "").replace("T", "-")
  return /^\d{8}-\d{6}/.test(name) ? name : time
}

function names(all) {
  const more = all.length - SHOWN_NAMES
  return more > 1 ? `${all.slice(0, SHOWN_NAMES).join(", ")} and ${more} more` : all.join(", ")
}

function targets(flat) {
  return flat.flatMap((text, place) => place % 2 ? [] : [`target ${text} (${flat[place + 1]})`])
}

function join(parts) {
  return parts.filter(part => part !== "").flatMap((part, place) => place ? [" · ", part] : [part])
}

// The lines below a run's title.
function about({ kinds, plan, runtime, started_at, seconds, hosts, deployments, worst, targets: own }, report) {
  const symbol = worst && make("span", { ariaHidden: "true" }, TONES[worst.tone])
  const tone = worst && make("strong", { className: `tone ${worst.tone}` }, symbol, ` ${worst.text}`)
  const [{ cpu, cores }] = hosts
  return [
    make("p", {}, ...join([
      tone ?? "", kinds.join(" + "), names([...targets(own), ...deployments]), seconds === null ? "" : duration(seconds),
    ])),
    make("p", {}, ...join([
      started_at && when(started_at), plan, runtime, `${Number(cores)}\u00a0cores of ${cpu}`,
      hosts.length > 1 ? "gone on with on another host" : "", report ? "" : "no report",
    ])),
  ]
}

async function fill(row) {
  const { run: name } = row, [, title, more, lines] = row.children
  const fault = text => lines.append(make("p", { className: "fault" }, text))
  lines.replaceChildren()
  try {
    const { report, profiles, record, fault: wrong } = await read(name)
    if (report) title.href = report
    if (profiles) more.prepend(link("Profiles", profiles, name))
    if (!record) return fault(wrong)
    if (record.title) title.replaceChildren(make("b", {}, record.title), " ", make("small", {}, name))
    lines.append(...about(record, report))
    row.record = { ...record, cells: null } // hundreds of rows: their cells are read again for a comparison
    for (const text of namesOf(record)) offer(text)
  } catch (error) {
    fault(error instanceof Response ? `Cannot be read (${error.status})` : "Cannot be read")
  } finally {
    row.done = true
  }
}

// A row is read once.
const filled = row => row.filled ??= fill(row)

function namesOf({ deployments, targets: own }) { return [...deployments, ...own.filter((_, place) => !(place % 2))] }

const offered = new Set()
function offer(name) {
  if (offered.has(name) || offered.size >= MOST_OFFERED) return
  offered.add(name)
  const next = [...deployment.options].slice(1).find(option => option.value > name)
  deployment.add(make("option", { value: name }, name), next ?? null)
}

function fits(row) {
  const { record } = row
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
  const { title, kinds, plan, runtime, deployments, targets: own, worst: result } = record ?? NOTHING
  const text = [row.run, title, plan, runtime, result?.text, ...kinds, ...deployments, ...own].join("\n").toLowerCase()
  return words.every(word => text.includes(word))
    && (!kind.value || Boolean(record?.kinds.includes(kind.value)))
    && (!deployment.value || Boolean(record && namesOf(record).includes(deployment.value)))
    && (!worst.value || record?.worst?.tone === worst.value)
}

const isFiltering = () => [search, kind, deployment, worst].some(({ value }) => value.trim() !== "")

// Shows the rows that fit. Those that were not read yet are read first, a few at a time.
async function apply() {
  const wanted = isFiltering()
  clear.hidden = !wanted
  for (const row of rows) row.hidden = wanted && !fits(row)
  if (!wanted) return count()
  const unread = rows.filter(row => !row.done)
  if (unread.length) say(`Reading ${unread.length} runs …`)
  await readAll()
  if (!isFiltering()) return
  for (const row of rows) row.hidden = !fits(row)
  count()
}

let reading = null
function readAll() {
  const left = rows.values()
  const work = async () => { for (const row of left) await filled(row) }
  return reading ??= Promise.all(Array.from({ length: AT_ONCE }, work))
}

function count() {
  const shown = rows.filter(row => !row.hidden).length, all = rows.length
  if (shown < all || isFiltering()) return say(shown ? `${shown} of ${all} runs` : `None of ${all} runs fits`)
  say(all === 1 ? "One run" : `${all} runs, newest first`)
}

function makeRow({ name }) {
  const at = `/runs/${encodeURIComponent(name)}/`
  const box = make("input", { type: "checkbox", ariaLabel: `Compare ${name}`, autocomplete: "off" })
  const more = make("div", {}, link("Files", at, name)), lines = make("div", {}, make("p", {}, "…"))
  const row = make("li", { run: name }, box, link(name, at), more, lines)
  box.addEventListener("change", () => chosen(rows))
  return row
}

export function showRuns(found) {
  const order = new Intl.Collator("en", { numeric: true }).compare // ...-quick-10 came after ...-quick-9
  const runs = found.filter(entry => entry.type === "directory").sort((a, b) => order(age(b), age(a)))
  if (!runs.length) {
    return say("No runs yet: ", code("./scripts/run-matrix.sh"), " makes one; then load this page again.")
  }
  rows = runs.map(makeRow)
  list.append(...rows)
  filters.hidden = rows.length < 2
  count()
  // There may be hundreds: a row asks for its files when it comes near.
  const near = new IntersectionObserver(seen => {
    for (const { target } of seen.filter(row => row.isIntersecting)) {
      near.unobserve(target)
      filled(target)
    }
  }, { rootMargin: "50%" })
  for (const row of rows) near.observe(row)
  filters.addEventListener("input", apply)
  filters.addEventListener("focusin", readAll, { once: true }) // so that the choice of deployments is whole
  clear.addEventListener("click", () => {
    for (const field of [search, kind, deployment, worst]) field.value = ""
    apply()
    search.focus()
  })
}
