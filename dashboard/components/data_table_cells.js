// What stands in the cells of a table: how values are written, compared, measured and saved.

const WIDTHS = { small: 130, medium: 300, large: 400 } // pixels at most; a number is exactly that many
const MEASURED = 60 // rows whose text decides how wide a column is
const ROOM = 26
const NUMBERS = new Set(["number", "progress"])

const drawings = new Map() // address -> element

let pen = null

/** The columns with a value a row each, from the JSON that Python sent. */
export function read(content) {
  const { ids, columns } = JSON.parse(content)
  const places = new Map(ids.map((id, place) => [id, place]))
  for (const column of columns) {
    if (column.words) column.values = column.codes.map((code) => (code < 0 ? null : column.words[code]))
    column.right = NUMBERS.has(column.kind)
    column.write = writer(column)
  }
  return { ids, columns, places }
}

/** The same with newer values for some of the rows. */
export function refresh(content, newer) {
  const { ids, columns } = read(newer)
  for (const { name, values } of columns) {
    const column = content.columns.find((one) => one.name === name)
    ids.forEach((id, row) => {
      const place = content.places.get(id)
      if (column && place !== undefined) column.values[place] = values[row]
    })
    if (column) keepWidth(column, column.pixels ?? column.least)
  }
}

/** A function that writes a value as text, after formats in the manner of C, such as "%.2f%%" and "%g". */
function writer({ kind, format, step, part }) {
  if (kind === "time") {
    const form = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" })
    return (value) => form.format(1000 * value) // seconds since 1970
  }
  if (kind === "link") return (value) => new RegExp(part ?? "(.*)").exec(value)?.[1] ?? value
  if (kind === "list") return (value) => value.join(", ")
  if (!NUMBERS.has(kind)) return String
  const found = /^(.*?)%(\+?)\.?(\d*)([dfg])(.*)$/.exec(format ?? "")
  if (!found) {
    const form = new Intl.NumberFormat("en", { useGrouping: format === "localized", maximumFractionDigits: step === 1 ? 0 : 6 })
    return form.format
  }
  const [, before, sign, digits, type, after] = found
  const places = digits === "" ? 6 : Number(digits)
  const written = {
    d: (value) => value.toFixed(0),
    f: (value) => value.toFixed(places),
    g: (value) => `${Number(value.toPrecision(places))}`,
  }
  return (value) => before + (sign && value > 0 ? "+" : "") + written[type](value) + after.replace("%%", "%")
}

/** A cell; a dash where there is no value. */
export function cell(column, value) {
  const found = document.createElement("span")
  found.className = `cell ${column.kind} ${column.right ? "right" : ""}`
  found.setAttribute("role", "gridcell")
  if (value === null) {
    if (column.kind === "number" || column.kind === "text") found.append(part("missing", "–"))
  } else if (column.kind === "image") {
    found.append(drawing(value))
  } else if (column.kind === "list") {
    found.append(...value.map((word) => part("tag", word)))
    found.title = column.write(value)
  } else if (column.kind === "link") {
    const link = found.appendChild(document.createElement("a"))
    link.textContent = column.write(value)
    link.href = value
    link.target = "_blank"
  } else {
    found.textContent = column.write(value)
    if (column.kind === "text") found.title = found.textContent
    if (column.kind === "progress") found.prepend(bar(value, column))
  }
  return found
}

/** A picture from its address, which holds it as SVG: as a part of the page it is drawn ten times as soon. */
function drawing(address) {
  if (!drawings.has(address)) {
    const holder = document.createElement("template")
    holder.innerHTML = decodeURIComponent(address.slice(address.indexOf(",") + 1))
    drawings.set(address, holder.content.firstChild)
  }
  return drawings.get(address).cloneNode(true)
}

function part(name, text) {
  const found = document.createElement("span")
  found.className = name
  found.textContent = text
  return found
}

function bar(value, { low = 0, high = 100 }) {
  const found = part("bar", "")
  found.style.setProperty("--share", `${(100 * (value - low)) / (high - low)}%`)
  return found
}

/** Pixels that a column asks for: by its text, if it does not say so itself. */
export function width(column, font) {
  if (typeof column.width === "number") return column.width
  pen ??= document.createElement("canvas").getContext("2d")
  pen.font = font
  const known = column.values.filter((value) => value !== null)
  const step = Math.max(1, Math.floor(known.length / MEASURED))
  const measured = known.filter((_, row) => row % step === 0)
  if (column.right) measured.push(...[Math.min, Math.max].map((most) => known.reduce((a, b) => most(a, b), 0)))
  const texts = [`${column.head} ↓`, ...measured.map(column.write)]
  const widest = Math.max(...texts.map((text) => pen.measureText(text).width))
  return Math.ceil(Math.min(Math.max(widest + ROOM, column.least ?? 54), WIDTHS[column.width] ?? 300))
}

/** Measure the column anew, but let it be no narrower than it was. */
export function keepWidth(column, pixels) {
  column.least = pixels
  column.pixels = undefined
}

/** The places of the rows in the order of a column; rows without a value come last. */
export function sorted(places, { values, right, kind }, descending) {
  const words = new Intl.Collator("en", { numeric: true }).compare
  const byValue = right || kind === "time" ? (a, b) => a - b : (a, b) => words(String(a), String(b))
  const known = places.filter((place) => values[place] !== null)
  const unknown = places.filter((place) => values[place] === null)
  known.sort((a, b) => (descending ? -1 : 1) * byValue(values[a], values[b]))
  return [...known, ...unknown]
}

/** The rows as a CSV file's text, numbers with all the digits that came. */
export function csv(columns, places) {
  const said = columns.filter((column) => column.kind !== "image")
  const lines = [said.map((column) => column.name)]
  for (const place of places) lines.push(said.map(({ values, kind }) => plain(values[place], kind)))
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("")
}

function plain(value, kind) {
  if (value === null) return ""
  if (kind === "time") return new Date(1000 * value).toISOString()
  return kind === "list" ? value.join(" ") : String(value)
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
