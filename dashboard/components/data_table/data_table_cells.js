// The cells of a table: how values are written, measured and saved.

// Largest widths in pixels by name. A number as width is taken as it is, or what numbers need if that is more.
const WIDTHS = { small: 130, medium: 300, large: 400 }
// How many rows are measured for the width of a column.
const MEASURED = 60
// Pixels around the text of a cell.
const PADDING = 26
// Pixels of a cell that its text cannot have, and the most letters of a text that is never cut.
const GAPS = 18
const SHORT = 24
// Pixels around each word of a list.
const TAG = 20
const NUMBERS = new Set(["number", "progress"])

// Images as elements, by their address.
const drawings = new Map()

let pen = null

/** The columns with one value for each row, from the JSON that Python sent. */
export function read(content) {
  const { ids, columns } = JSON.parse(content)
  const indices = new Map(ids.map((id, index) => [id, index]))
  for (const column of columns) {
    if (column.words) column.values = column.codes.map((code) => (code < 0 ? null : column.words[code]))
    column.right = NUMBERS.has(column.kind)
    column.write = writer(column)
  }
  return { ids, columns, indices }
}

/** Replace the values of some rows by newer ones. */
export function refresh(content, newer) {
  const { ids, columns } = read(newer)
  for (const { name, values } of columns) {
    const column = content.columns.find((column) => column.name === name)
    ids.forEach((id, row) => {
      const index = content.indices.get(id)
      if (column && index !== undefined) column.values[index] = values[row]
    })
    if (column) keepWidth(column, column.pixels ?? column.least)
  }
}

/** A function that writes a value as text, by a format of C such as "%.2f%%" or "%g". For a number it also takes how many
 * decimals to write, if its row says so. */
function writer({ kind, format, step, part }) {
  if (kind === "time") {
    const form = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" })
    // The value is in seconds since 1970.
    return (value) => form.format(1000 * value)
  }
  if (kind === "link") return (value) => new RegExp(part ?? "(.*)").exec(value)?.[1] ?? value
  if (kind === "list") return (value) => value.join(", ")
  if (!NUMBERS.has(kind)) return String
  const match = /^(.*?)%(\+?)\.?(\d*)([dfg])(.*)$/.exec(format ?? "")
  if (!match) {
    const form = new Intl.NumberFormat("en", { useGrouping: format === "localized", maximumFractionDigits: step === 1 ? 0 : 6 })
    return (value, decimals) => (decimals === undefined ? form.format(value) : value.toFixed(decimals))
  }
  const [, before, sign, digits, type, after] = match
  const precision = digits === "" ? 6 : Number(digits)
  const written = {
    d: (value) => value.toFixed(0),
    f: (value) => value.toFixed(precision),
    g: (value) => `${Number(value.toPrecision(precision))}`,
  }
  return (value, decimals) => {
    const text = decimals === undefined ? written[type](value) : value.toFixed(decimals)
    return before + (sign && value > 0 ? "+" : "") + text + after.replace("%%", "%")
  }
}

/** A cell of the row with this index; a dash where there is no value. */
export function cell(column, value, index) {
  const element = document.createElement("span")
  element.className = `cell ${column.kind} ${column.right ? "right" : ""}`
  element.setAttribute("role", "gridcell")
  if (value === null) {
    if (column.kind === "number" || column.kind === "text") element.append(part("missing", "–"))
  } else if (column.kind === "image") {
    element.append(drawing(value))
  } else if (column.kind === "list") {
    element.append(...value.map((word) => part("tag", word)))
    element.title = column.write(value)
  } else if (column.kind === "link") {
    const link = element.appendChild(document.createElement("a"))
    link.textContent = column.write(value)
    link.href = value
    link.target = "_blank"
    // Tab would have to pass thousands of links, so Enter opens the one of the current row.
    link.tabIndex = -1
  } else {
    const written = column.write(value, column.decimals?.[index])
    const text = column.right ? written.replace(/^-/, "−") : written
    element.textContent = column.kind === "text" ? cutMiddle(text, column.pixels) : text
    if (column.kind === "text") element.title = text
    // A reader of the screen gets the whole text.
    if (element.textContent !== text) element.setAttribute("aria-label", text)
    if (column.kind === "progress") element.prepend(bar(value, column))
  }
  return element
}

/** An image from its address, which contains it as SVG. As an element of the page it is drawn ten times faster. */
function drawing(address) {
  if (!drawings.has(address)) {
    const holder = document.createElement("template")
    holder.innerHTML = decodeURIComponent(address.slice(address.indexOf(",") + 1))
    drawings.set(address, holder.content.firstChild)
  }
  return drawings.get(address).cloneNode(true)
}

function part(name, text) {
  const element = document.createElement("span")
  element.className = name
  element.textContent = text
  return element
}

function bar(value, { low = 0, high = 100 }) {
  const element = part("bar", "")
  element.style.setProperty("--share", `${(100 * (value - low)) / (high - low)}%`)
  return element
}

/** Width of a column in pixels: its own setting, or what its text needs. All digits of numbers are visible. */
export function width(column, font) {
  const fixed = typeof column.width === "number" ? column.width : null
  if (fixed && !column.right) return fixed
  pen ??= document.createElement("canvas").getContext("2d")
  pen.font = font
  const values = column.values.filter((value) => value !== null)
  const step = Math.max(1, Math.floor(values.length / MEASURED))
  const measured = values.filter((_, row) => row % step === 0)
  if (column.right) measured.push(...[Math.min, Math.max].map((extreme) => values.reduce((a, b) => extreme(a, b), 0)))
  const decimals = column.decimals && Math.max(...column.decimals)
  const words = (value) => (column.kind === "list" ? TAG * value.length : 0) + textWidth(column.write(value, decimals))
  const widest = Math.max(fixed ? 0 : textWidth(`${column.head} ↓`), ...measured.map(words)) + PADDING
  if (fixed) return Math.max(fixed, column.least ?? 0, Math.ceil(widest))
  return Math.ceil(Math.min(Math.max(widest, column.least ?? 54), WIDTHS[column.width] ?? 300))
}

/** The text, without its middle if it is too wide: names often begin alike and differ at their end. */
function cutMiddle(text, pixels) {
  if (!pen || !pixels || text.length < SHORT || textWidth(text) <= pixels - GAPS) return text
  let kept = Math.floor((text.length * (pixels - GAPS)) / textWidth(text))
  const cut = () => `${text.slice(0, Math.ceil(kept / 2)).trimEnd()}…${text.slice(text.length - Math.floor(kept / 2)).trimStart()}`
  while (kept > 2 && textWidth(cut()) > pixels - GAPS) kept -= 1
  return cut()
}

function textWidth(text) {
  return pen.measureText(text).width
}

/** Measure the column again, but do not make it narrower than it was. */
export function keepWidth(column, pixels) {
  column.least = pixels
  column.pixels = undefined
}

/** The rows as the text of a CSV file, numbers with all digits that were sent. A spreadsheet would compute a text that
 *  matches `formula`, so such a text gets a ' in front. Numbers stay numbers. */
export function csv(columns, rows, formula) {
  const saved = columns.filter((column) => column.kind !== "image")
  const guarded = (text) => (formula.test(text) ? `'${text}` : text)
  const lines = [saved.map((column) => guarded(column.name))]
  for (const index of rows) lines.push(saved.map((column) => guarded(plain(column.values[index], column))))
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
