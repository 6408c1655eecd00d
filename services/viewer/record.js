// What a run's folder says of it: summary.json, or run.json where the lab wrote no summary. Both may come from
// anyone; a record is sound, or reading it throws.
import { ask } from "./page.js"

const MOST_BYTES = 16e6 // of run.json; the lab's own reader takes no more either
const MOST_SUMMARY_BYTES = 4e6 // more than the lab writes
const MOST = 500 // names of a run
const REPORT = "report.html", RUN = "run.json", SUMMARY = "summary.json", PROFILES = "profiles"
export const TONES = { lost: "✖", failed: "✖", disturbed: "▲", ok: "✔" }

export class Unreadable extends Error {}

const at = name => `/runs/${encodeURIComponent(name)}/`

async function files(name) {
  const found = await ask(`/list/${encodeURIComponent(name)}/`)
  return new Map(found.map(file => [file.name, file.size]))
}

async function json(name, sizes, file, most) {
  if (sizes.get(file) > most) throw new Unreadable(`${file} is too large`)
  try {
    return await ask(at(name) + file)
  } catch (error) {
    throw error instanceof Response ? error : new Unreadable(`${file} is damaged`)
  }
}

function texts(values) {
  if (!Array.isArray(values) || values.some(value => typeof value !== "string")) throw TypeError("texts")
  return values.slice(0, MOST)
}

function fromSummary(summary) {
  const { kinds, title, plan, runtime, started_at, hosts, deployments, targets, worst, cells } = summary
  texts([title, plan, runtime, started_at, worst.text, ...hosts.map(host => host.cpu)])
  if (!Object.hasOwn(TONES, worst.tone) || !hosts.length || !Array.isArray(cells)) throw TypeError(SUMMARY)
  return {
    kinds: texts(kinds), title, plan, runtime, started_at, hosts, worst, cells,
    seconds: typeof summary.duration_seconds === "number" ? summary.duration_seconds : null,
    deployments: texts(deployments), targets: texts(Object.entries(targets).flat()),
  }
}

// Runs of before there were summaries: what they were, but not how they ended.
function fromRun({ kind = "run", load = [], plan, runtime, started_at, host, targets = [] }) {
  texts([kind, plan, runtime, started_at, host.cpu])
  const own = targets.filter(({ tier }) => tier === "target"), others = targets.filter(({ tier }) => tier !== "target")
  return {
    kinds: load.length ? [kind, "load"] : [kind], title: "", plan, runtime, started_at, hosts: [host],
    worst: null, cells: null, seconds: null,
    deployments: texts(others.map(({ name }) => name)), targets: texts(own.flatMap(({ name, url }) => [name, url])),
  }
}

// Returns what a row shows; throws Unreadable, or the Response that refused.
export async function read(name) {
  const sizes = await files(name)
  const path = (file, end = "") => sizes.has(file) ? at(name) + file + end : ""
  const found = { report: path(REPORT), profiles: path(PROFILES, "/"), record: null, fault: "" }
  const [file, most, from] = sizes.has(SUMMARY) ? [SUMMARY, MOST_SUMMARY_BYTES, fromSummary] : [RUN, MOST_BYTES, fromRun]
  if (!sizes.has(file)) return { ...found, fault: `No ${RUN}` }
  try {
    const record = from(await json(name, sizes, file, most))
    if (record.started_at) new Date(record.started_at).toISOString() // without run.json no time is known
    return { ...found, record }
  } catch (error) {
    if (error instanceof Response) throw error
    return { ...found, fault: error instanceof Unreadable ? error.message : `${file} is damaged` }
  }
}
