// What all parts of the page use. Names and records are text, whatever is in them: none of them becomes HTML.
const MOST_MINUTES = 100

export function make(tag, fields, ...children) {
  const made = Object.assign(document.createElement(tag), fields)
  made.append(...children)
  return made
}

export const code = text => make("code", {}, text)

export function link(text, href, of) {
  const made = make("a", { href }, text)
  if (of) made.ariaLabel = `${text} of ${of}`
  return made
}

export function say(...words) { document.getElementById("said").replaceChildren(...words) }

export async function ask(path) {
  const answer = await fetch(path).catch(() => Response.error()) // whose status is 0
  if (!answer.ok) throw answer
  return answer.json()
}

export function when(moment) {
  const date = new Date(moment)
  const text = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(date)
  return make("time", { dateTime: date.toISOString() }, text)
}

export function duration(seconds) {
  const minutes = Math.floor(Math.round(seconds) / 60), rest = Math.round(seconds) % 60
  if (minutes >= MOST_MINUTES) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`
  return minutes ? `${minutes} min ${String(rest).padStart(2, "0")} s` : `${rest} s`
}

// Of an upload, as the lab writes it: 64 MiB.
export function amount(bytes) {
  for (const [name, factor] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (bytes >= factor) return `${Number((bytes / factor).toPrecision(3))}\u00a0${name}`
  }
  return `${bytes} bytes`
}

// Of a file in a folder.
export function size(bytes) {
  if (bytes < 1e3) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
