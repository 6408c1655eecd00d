// Two chosen runs beside each other: the cells in common, and whether their ranges overlap.
import { amount, code, make, when } from "./page.js"
import { read } from "./record.js"

const LEAST_ROUNDS = 5 // fewer say too little, as in the lab's own verdicts
const LOST = { wrong: "lost" } // every other status is a word of its own
const panel = document.getElementById("pair")
const [said, clear, body] = panel.children
let asked = 0

const short = value => value >= 10 ? value.toFixed(0) : value.toFixed(1)
const isRate = value => Number.isFinite(value) && value > 0

function cellsOf({ cells }) {
  const sound = (cells ?? []).filter(cell => cell && [cell.deployment, cell.method].every(text => typeof text === "string")
    && [cell.size_bytes, cell.rounds].every(Number.isSafeInteger))
  return new Map(sound.map(cell => [JSON.stringify([cell.deployment, cell.method, cell.size_bytes]), cell]))
}

const hasRate = ({ mb_per_second, low, high }) => [mb_per_second, low, high].every(isRate)

function rate(cell) {
  const rounds = cell.rounds === 1 ? "1\u00a0round" : `${cell.rounds}\u00a0rounds`
  const only = cell.rounds < LEAST_ROUNDS ? " only" : ""
  if (!hasRate(cell)) return make("td", { className: "fault" }, LOST[cell.status] ?? String(cell.status))
  const range = `${short(cell.low)} to ${short(cell.high)}, ${rounds}${only}`
  return make("td", {}, short(cell.mb_per_second), make("small", {}, range))
}

// What B's cell says against A's: one of these, what matters most first.
const VERDICTS = ["arrived in A only", "arrived in B only", "B is slower", "B is faster", "arrived in neither",
  "too few rounds to say", "no clear difference"]
function verdict([a, b]) {
  const [before, after] = [a, b].map(hasRate)
  if (!before || !after) return before ? "arrived in A only" : after ? "arrived in B only" : "arrived in neither"
  if (Math.min(a.rounds, b.rounds) < LEAST_ROUNDS) return "too few rounds to say"
  if (a.low <= b.high && b.low <= a.high) return "no clear difference"
  return b.low > a.high ? "B is faster" : "B is slower"
}

// Why the figures of two runs are not comparable, as `lab diff` sees it; empty if they are.
function unlike(a, b) {
  const fields = ["cpu", "cores", "memory_bytes", "kernel", "data_filesystem"]
  const known = { cpu: "CPU", cores: "cores", memory_bytes: "memory", kernel: "kernel", data_filesystem: "filesystem" }
  const differs = fields.filter(field => a.hosts[0][field] !== b.hosts[0][field]).map(field => known[field])
  return [
    a.runtime === b.runtime ? "" : `the runtimes differ (${a.runtime}, ${b.runtime})`,
    differs.length ? `the hosts differ (${differs.join(", ")})` : "",
    [a, b].some(({ hosts }) => hosts.length > 1) ? "a run was gone on with on another host" : "",
  ].filter(Boolean).join("; ")
}

const quoted = word => /^[\w.:+][\w.:+-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
const argument = name => quoted(name.startsWith("-") ? `./${name}` : name)

function table(pairs, why) {
  const titles = ["cell", "A, MB/s", "B, MB/s", ...(why ? [] : ["B / A"])]
  const rows = pairs.map(pair => {
    const [a, b] = pair
    const ratio = pair.every(hasRate) ? `${(b.mb_per_second / a.mb_per_second).toFixed(2)}x` : ""
    const name = make("th", { scope: "row" }, `${a.deployment} `, make("small", {}, `${a.method}, ${amount(a.size_bytes)}`))
    return make("tr", {}, name, rate(a), rate(b), ...(why ? [] : [make("td", {}, ratio, make("small", {}, verdict(pair)))]))
  })
  const head = make("tr", {}, ...titles.map(text => make("th", { scope: "col" }, text)))
  return make("table", { ariaLabel: "Cells in common" }, make("thead", {}, head), make("tbody", {}, ...rows))
}

function counted(pairs, why) {
  const cells = pairs.length === 1 ? "1 cell" : `${pairs.length} cells`
  if (why) return `${cells} in common.`
  const numbers = VERDICTS.map(words => [words, pairs.filter(pair => verdict(pair) === words).length])
  const found = numbers.filter(([, number]) => number).map(([words, number]) => `${words} in ${number}`)
  return `${cells} in common: ${found.join(", ")}.`
}

function legend(letter, name, { title, started_at }) {
  return make("p", {}, make("b", {}, letter), ` ${title} `, code(name), " ", started_at && when(started_at))
}

// What the panel says of two runs: a sentence, then the rest.
function compare([a, b]) {
  const without = [a, b].filter(({ record }) => !record?.cells)
  if (without.length) {
    const line = ({ name }) => make("p", {}, `${name}: `, code(`./scripts/lab report ${argument(name)}`))
    return ["Not every run has a summary to compare. These commands write them:", ...without.map(line)]
  }
  const [before, after] = [a, b].map(({ record }) => cellsOf(record))
  const pairs = [...before].filter(([key]) => after.has(key)).map(([key, cell]) => [cell, after.get(key)])
  const legends = [legend("A", a.name, a.record), legend("B", b.name, b.record)]
  if (!pairs.length) return ["The two runs have no cell in common.", ...legends]
  const why = unlike(a.record, b.record), rank = pair => VERDICTS.indexOf(verdict(pair))
  if (!why) pairs.sort((left, right) => rank(left) - rank(right))
  const diff = `./scripts/lab diff ${argument(a.name)} ${argument(b.name)}${why ? " --force" : ""}`
  return [
    counted(pairs, why), ...(why ? [make("p", { className: "warning" }, `▲ Not comparable: ${why}.`)] : []), ...legends,
    make("p", {}, why ? "To compare them anyway: " : "For a verdict that knows the noise: ", code(diff)), table(pairs, why),
    make("p", {}, "Below each rate: its slowest and its fastest round. Where these ranges overlap, no difference is clear."),
  ]
}

async function look(name) {
  try { return { name, record: (await read(name)).record } } catch { return { name, record: null } }
}

// Called when a checkbox has changed; rows are the list's, newest first.
export async function chosen(rows) {
  const picked = rows.filter(row => row.firstChild.checked).reverse(), turn = ++asked
  for (const row of rows) row.firstChild.disabled = picked.length > 1 && !row.firstChild.checked
  panel.hidden = !picked.length
  body.replaceChildren()
  document.documentElement.classList.toggle("paired", picked.length > 1)
  clear.onclick = () => {
    for (const row of picked) row.firstChild.checked = false
    chosen(rows)
    picked.find(row => !row.hidden)?.firstChild.focus()
  }
  said.textContent = picked.length > 1 ? "Reading both runs …" : "One run chosen. Choose another to compare it with."
  if (picked.length < 2) return
  const [words, ...shown] = compare(await Promise.all(picked.map(row => look(row.run))))
  if (turn !== asked) return // another choice was made meanwhile
  body.replaceChildren(...shown)
  said.textContent = words
}
