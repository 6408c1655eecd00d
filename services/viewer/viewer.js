"use strict"
const MOST_BYTES = 16e6 // of run.json; the lab's own reader takes no more either
const REPORT = "report.html", RUN = "run.json", PROFILES = "profiles"
const list = document.getElementById("list")
const below = location.pathname.replace(/^\/(runs\/)?/, "") // of benchmark/runs; encoded, ends with a slash

// Names and records are text, whatever is in them: none of them becomes HTML.
function make(tag, fields, ...children) {
  const made = Object.assign(document.createElement(tag), fields)
  made.append(...children)
  return made
}

function say(...words) { document.getElementById("said").replaceChildren(...words) }

async function ask(path) {
  const answer = await fetch(path).catch(() => Response.error()) // whose status is 0
  if (!answer.ok) throw answer
  return answer.json()
}

function link(text, href, of) {
  const made = make("a", { href }, text)
  if (of) made.ariaLabel = `${text} of ${of}`
  return made
}

function when(moment) {
  const date = new Date(moment)
  const text = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(date)
  return make("time", { dateTime: date.toISOString() }, text)
}

// The line below a run's name; throws if run.json is not what the lab writes.
function about({ plan, runtime, started_at, host: { cpu, cores } }) {
  if ([plan, runtime, started_at, cpu].some(field => typeof field !== "string")) throw TypeError(RUN)
  return [when(started_at), ` · ${plan} · ${runtime} · ${Number(cores)}\u00a0cores of ${cpu}`]
}

async function fill(row) {
  const name = row.run, at = encodeURIComponent(name)
  const [title, more, line] = row.children
  const fault = text => line.append(make("span", { className: "fault" }, text))
  try {
    const files = new Map((await ask(`/list/${at}/`)).map(file => [file.name, file.size]))
    if (files.has(REPORT)) title.href = `/runs/${at}/${REPORT}`
    if (files.has(PROFILES)) more.prepend(link("Profiles", `/runs/${at}/${PROFILES}/`, name))
    if (!files.has(RUN)) return fault(`No ${RUN}`)
    if (files.get(RUN) > MOST_BYTES) return fault(`${RUN} is too large`)
    line.append(...about(await ask(`/runs/${at}/${RUN}`)), files.has(REPORT) ? "" : " · no report")
  } catch (error) {
    fault(error instanceof Response ? `Cannot be read (${error.status})` : `${RUN} is damaged`)
  }
}

// A run's name begins with its time; any other folder is as old as its last change.
function age({ name, mtime }) {
  const time = new Date(mtime).toISOString().replace(/[-:]/g, "").replace("T", "-")
  return /^\d{8}-\d{6}/.test(name) ? name : time
}

function showRuns(found) {
  const order = new Intl.Collator("en", { numeric: true }).compare // ...-quick-10 came after ...-quick-9
  const runs = found.filter(entry => entry.type === "directory").sort((a, b) => order(age(b), age(a)))
  if (!runs.length) {
    return say("No runs yet: ", make("code", {}, "./scripts/run-matrix.sh"), " makes one; then load this page again.")
  }
  say(runs.length === 1 ? "One run" : `${runs.length} runs, newest first`)
  // There may be hundreds: a row asks for its files when it comes near.
  const near = new IntersectionObserver(rows => {
    for (const { target } of rows.filter(row => row.isIntersecting)) {
      near.unobserve(target)
      fill(target)
    }
  }, { rootMargin: "50%" })
  for (const { name } of runs) {
    const at = `/runs/${encodeURIComponent(name)}/`
    const row = make("li", { run: name }, link(name, at), make("div", {}, link("Files", at, name)), make("p"))
    list.append(row)
    near.observe(row)
  }
}

function size(bytes) {
  if (bytes < 1e3) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

function decoded(word) {
  try { return decodeURIComponent(word) } catch { return word }
}

function showPath() {
  const names = below.split("/").slice(0, -1)
  const path = document.getElementById("path")
  path.replaceChildren(link("Runs", "/"))
  names.forEach((name, at) => {
    const last = at === names.length - 1
    path.append(" / ", last ? decoded(name) : link(decoded(name), `/runs/${names.slice(0, at + 1).join("/")}/`))
  })
  document.title = `Upload Lab: ${names.map(decoded).join("/")}`
}

function showFiles(found) {
  say(found.length ? "" : "There is nothing in it.")
  for (const { name, type, size: bytes, mtime } of found) {
    const slash = type === "directory" ? "/" : ""
    const facts = slash ? [] : [make("span", {}, size(bytes))]
    list.append(make("li", { className: "file" }, link(name + slash, encodeURIComponent(name) + slash),
      ...facts, make("span", {}, when(mtime))))
  }
}

function explain({ status }) {
  const type = text => make("code", {}, text)
  if (status === 0) return say("The viewer does not answer: ", type("docker compose up -d viewer"))
  if (status === 404) return say("There is no such folder.")
  say(`It cannot be read (${status}): `, type("chmod -R a+rX benchmark"), " lets the viewer's user read all of it.")
}

if (below) showPath()
ask(`/list/${below}`).then(below ? showFiles : showRuns, explain)
