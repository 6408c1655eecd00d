// Shows what lies in benchmark/runs: the list of runs, or the files of a folder.
import { ask, code, link, make, say, size, when } from "./page.js"
import { showRuns } from "./runs.js"

const list = document.getElementById("list")
const below = location.pathname.replace(/^\/(runs\/)?/, "") // of benchmark/runs; encoded, ends with a slash

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
  if (status === 0) return say("The viewer does not answer: ", code("docker compose up -d viewer"))
  if (status === 404) return say("There is no such folder.")
  say(`It cannot be read (${status}): `, code("chmod -R a+rX benchmark"), " lets the viewer's user read all of it.")
}

if (below) showPath()
ask(`/list/${below}`).then(below ? showFiles : showRuns, explain)
