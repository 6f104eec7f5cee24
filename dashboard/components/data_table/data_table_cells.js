// What stands in the cells of a table: how values are written, measured and saved.

const WIDTHS = { small: 130, medium: 300, large: 400 } // pixels at most; a number is exactly that many, or what numbers need
const MEASURED = 60 // rows whose text decides how wide a column is
const ROOM = 26
const TAG = 20 // pixels around each word of a list
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

/** A function that writes a value as text, after formats in the manner of C, such as "%.2f%%" and "%g"; of a number it
 * takes how many decimals it has, if its row says so. */
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
    return (value, decimals) => (decimals === undefined ? form.format(value) : value.toFixed(decimals))
  }
  const [, before, sign, digits, type, after] = found
  const places = digits === "" ? 6 : Number(digits)
  const written = {
    d: (value) => value.toFixed(0),
    f: (value) => value.toFixed(places),
    g: (value) => `${Number(value.toPrecision(places))}`,
  }
  return (value, decimals) => {
    const text = decimals === undefined ? written[type](value) : value.toFixed(decimals)
    return before + (sign && value > 0 ? "+" : "") + text + after.replace("%%", "%")
  }
}

/** A cell of the row at `place`; a dash where there is no value. */
export function cell(column, value, place) {
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
    link.tabIndex = -1 // Enter opens that of the current row: Tab would have to pass thousands
  } else {
    found.textContent = column.write(value, column.decimals?.[place])
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

/** Pixels that a column asks for: by its text, if it does not say so itself. Of numbers every digit is seen. */
export function width(column, font) {
  const own = typeof column.width === "number" ? column.width : null
  if (own && !column.right) return own
  pen ??= document.createElement("canvas").getContext("2d")
  pen.font = font
  const known = column.values.filter((value) => value !== null)
  const step = Math.max(1, Math.floor(known.length / MEASURED))
  const measured = known.filter((_, row) => row % step === 0)
  if (column.right) measured.push(...[Math.min, Math.max].map((most) => known.reduce((a, b) => most(a, b), 0)))
  const decimals = column.decimals && Math.max(...column.decimals)
  const words = (value) => (column.kind === "list" ? TAG * value.length : 0) + textWidth(column.write(value, decimals))
  const widest = Math.max(own ? 0 : textWidth(`${column.head} ↓`), ...measured.map(words)) + ROOM
  if (own) return Math.max(own, column.least ?? 0, Math.ceil(widest))
  return Math.ceil(Math.min(Math.max(widest, column.least ?? 54), WIDTHS[column.width] ?? 300))
}

function textWidth(text) {
  return pen.measureText(text).width
}

/** Measure the column anew, but let it be no narrower than it was. */
export function keepWidth(column, pixels) {
  column.least = pixels
  column.pixels = undefined
}

/** The rows as a CSV file's text, numbers with all the digits that came. A text that fits `formula` would be computed by a
 *  spreadsheet: it begins with '. Numbers stay numbers. */
export function csv(columns, places, formula) {
  const said = columns.filter((column) => column.kind !== "image")
  const guarded = (text) => (formula.test(text) ? `'${text}` : text)
  const lines = [said.map((column) => guarded(column.name))]
  for (const place of places) lines.push(said.map((column) => guarded(plain(column.values[place], column))))
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("")
}

function plain(value, { kind, right, write }) {
  if (value === null) return ""
  if (kind === "time") return new Date(1000 * value).toISOString()
  if (right) return String(value)
  return kind === "list" ? value.join(" ") : write(value)
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
