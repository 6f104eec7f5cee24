// A table of many rows that draws only those in view. Rows can be sorted and ticked, columns can be hidden.

import { csv, keepWidth, read, refresh, width } from "./data_table_cells.js"
import { hasValue, sorted } from "./data_table_order.js"
import { ROW, allTicked, draw, drawHead, reach, showTerm, stopsOf } from "./data_table_draw.js"
import { keptFor } from "../kept.js"
import { fillPlace } from "../kept_place.js"
import { afterRun } from "../page_run.js"

// Tables by their parentElement: Streamlit calls the default export again at every update.
const tables = new WeakMap()
// The large contents that were shown last, by digest: Python sends each of them only once.
const contents = new Map()
// How many large contents are stored.
const MAX_STORED = 2
// Width of the column of check boxes in pixels.
const TICK_WIDTH = 40
// A table is at most this many times as wide as its text: short columns across a wide screen are hard to follow.
const MAX_STRETCH = 1.7
// Least width in pixels, so that the line above the table has room.
const MIN_WIDTH = 360

export default function dataTable({ parentElement, data, setTriggerValue }) {
  const table = tables.get(parentElement) ?? mount(parentElement, data.name)
  const content = contentOf(table, data)
  table.formula = new RegExp(data.formula)
  table.send = (name, value) => setTriggerValue(name, value)
  if (!content?.whole && table.requested !== data.digest) {
    table.requested = data.digest
    afterRun(() => table.root.isConnected && table.send("lacking", Date.now()))
  }
  if (content) update(table, content, data)
  return () => setTimeout(() => table.root.isConnected || unmount(table, parentElement))
}

function contentOf(table, { digest, content, whole, large }) {
  const stored = table.content?.digest === digest ? table.content : contents.get(digest)
  if (!content || stored?.whole) return stored
  const parsed = { ...read(content), digest, whole }
  if (large && whole) contents.set(digest, parsed)
  if (contents.size > MAX_STORED) contents.delete(contents.keys().next().value)
  return parsed
}

function mount(parentElement, key) {
  const root = parentElement.querySelector(".data-table")
  // `current` is the id of the row that the keyboard is at, `last` that of the row that was ticked last.
  const kept = keptFor(key)
  if (!kept.hidden) Object.assign(kept, { hidden: new Set(), sort: null, current: null, last: null, top: 0 })
  const table = { root, kept, heads: new Map(), rows: new Map(), sent: 0 }
  for (const part of ["caption", "choices", "file", "term", "box", "head", "body"]) table[part] = root.querySelector(`.${part}`)
  table.menu = root.querySelector("details")
  table.box.onscroll = () => {
    if (table.content?.whole) kept.top = table.box.scrollTop
    draw(table)
  }
  table.box.onkeydown = (event) => press(table, event)
  table.body.onclick = (event) => click(table, event)
  table.head.onclick = (event) => clickHead(table, event)
  table.head.onkeydown = (event) => pressHead(table, event)
  table.head.addEventListener("focusin", (event) => reach(stopsOf(table), event.target))
  listenForTerms(table)
  table.file.onclick = () => save(table)
  table.choices.onchange = (event) => choose(table, event.target)
  // The braces matter: a handler that returns false would swallow every key, and Tab could not leave the menu.
  table.menu.onkeydown = (event) => {
    if (event.key === "Escape") close(table)
  }
  table.menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !table.menu.contains(event.relatedTarget)) table.menu.open = false
  })
  table.closeMenu = (event) => {
    if (!event.composedPath().includes(table.menu)) table.menu.open = false
  }
  document.addEventListener("pointerdown", table.closeMenu)
  table.observer = new ResizeObserver(() => draw(table))
  table.observer.observe(table.box)
  tables.set(parentElement, table)
  return table
}

// What a term in a head means is shown while the pointer or the focus is on the head or on the explanation.
function listenForTerms(table) {
  const { root, head, term, box } = table
  const columnAt = (event) => event.target.closest?.("button")?.dataset.column
  let later
  const show = (name) => {
    clearTimeout(later)
    showTerm(table, name)
  }
  const hideSoon = () => {
    clearTimeout(later)
    later = setTimeout(() => term.matches(":hover, :focus-within") || showTerm(table, null), 200)
  }
  head.addEventListener("pointerover", (event) => columnAt(event) && show(columnAt(event)))
  head.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && show(columnAt(event)))
  for (const part of [head, term]) for (const kind of ["pointerleave", "focusout"]) part.addEventListener(kind, hideSoon)
  root.addEventListener("keydown", (event) => event.key === "Escape" && showTerm(table, null))
  // The keyboard scrolls to the head that it reaches.
  box.addEventListener("scroll", () => term.hidden || showTerm(table, columnAt({ target: root.getRootNode().activeElement })))
}

function unmount(table, parentElement) {
  tables.delete(parentElement)
  table.observer.disconnect()
  document.removeEventListener("pointerdown", table.closeMenu)
}

function update(table, content, data) {
  const other = table.content !== content
  const first = content.whole && !table.content?.whole
  const shown = JSON.stringify(data.shown)
  if (data.fresh) refresh(content, data.fresh)
  if (other && table.content) keepWidths(content, table.content)
  // Another filter shows the first rows. With other content the filter may be the same, so the position stays.
  if (!other && table.shown !== shown) table.box.scrollTop = 0
  if (other || table.shown !== shown) table.shownRows = data.shown ?? content.ids.map((_, index) => index)
  table.content = content
  table.shown = shown
  table.name = data.name
  table.ticking = data.ticked !== null
  // A grid must have rows, so that it is one only now.
  table.box.setAttribute("role", "grid")
  table.head.setAttribute("role", "row")
  if (data.answered >= table.sent) table.ticked = new Set(data.ticked ?? [])
  table.sent = Math.max(table.sent, data.answered)
  table.caption.textContent = data.caption
  table.box.setAttribute("aria-label", data.caption)
  table.box.setAttribute("aria-multiselectable", table.ticking)
  table.box.style.maxHeight = data.height ? `${data.height}px` : "none"
  const { top } = table.kept
  arrange(table)
  fillPlace(table.root)
  if (first) table.box.scrollTop = top
}

/** Sort the rows, lay out the columns, and draw what has changed. */
function arrange(table) {
  const { content, ticking } = table
  const { hidden, sort } = table.kept
  const sortColumn = content.columns.find((column) => column.name === sort?.name)
  table.order = sortColumn ? sorted(table.shownRows, sortColumn, sort.descending) : table.shownRows
  table.positions = null
  // Columns without any value are left out.
  const nonempty = content.columns.filter((column) => column.values.some(hasValue))
  table.columns = nonempty.filter((column) => !hidden.has(column.name))
  const font = `600 15px ${getComputedStyle(table.root).fontFamily}`
  for (const column of nonempty) column.pixels ??= width(column, font)
  const tracks = ticking ? [`${TICK_WIDTH}px`] : []
  let total = ticking ? TICK_WIDTH : 0
  for (const column of table.columns) {
    column.left = column.pinned ? total : null
    tracks.push(column.pinned ? `${column.pixels}px` : `minmax(${column.pixels}px, ${column.pixels}fr)`)
    total += column.pixels
  }
  const widest = nonempty.reduce((sum, column) => sum + column.pixels, ticking ? TICK_WIDTH : 0)
  table.root.style.setProperty("--tracks", tracks.join(" "))
  table.root.style.setProperty("--total", `${total}px`)
  // Hidden columns count too, so that the menu stays where it is.
  table.root.style.maxWidth = `${Math.max(MIN_WIDTH, MAX_STRETCH * widest)}px`
  table.box.style.maxWidth = `${MAX_STRETCH * total}px`
  table.box.setAttribute("aria-rowcount", table.order.length + 1)
  table.box.setAttribute("aria-colcount", tracks.length)
  table.body.style.height = `${table.order.length * ROW}px`
  const settings = table.columns.map(({ values, codes, words, pixels, least, ...rest }) => rest)
  table.layout = JSON.stringify([ticking, settings])
  drawChoices(table, nonempty)
  drawHead(table)
  draw(table)
  table.root.dataset.rows = table.order.length
}

/** Newer values may make a column wider, but not narrower. */
function keepWidths(content, before) {
  const widths = new Map(before.columns.map((column) => [column.name, column.pixels ?? column.least]))
  for (const column of content.columns) keepWidth(column, widths.get(column.name))
}

/** The position of the row with this id among the rows shown, -1 if it is not shown. */
function position(table, id) {
  table.positions ??= new Map(table.order.map((index, position) => [table.content.ids[index], position]))
  return table.positions.get(id) ?? -1
}

function click(table, event) {
  const at = Number(event.target.closest(".row")?.dataset.at ?? -1)
  if (at < 0) return
  if (table.ticking && event.target.closest(".tick")) {
    toggle(table, at, event.shiftKey)
    // From now on the arrow keys start at this row.
    table.box.focus({ preventScroll: true })
  } else table.kept.current = table.content.ids[table.order[at]]
}

/** Tick or untick a row; with `range` also all rows between it and the one ticked last. */
function toggle(table, at, range) {
  const id = table.content.ids[table.order[at]]
  const last = range ? position(table, table.kept.last) : -1
  const from = last < 0 ? at : last
  const on = !table.ticked.has(id)
  table.kept.current = table.kept.last = id
  mark(table, table.order.slice(Math.min(from, at), Math.max(from, at) + 1), on)
}

/** Tick or untick rows at once; Python's answer confirms it. */
function mark(table, rows, on) {
  for (const index of rows) table.ticked[on ? "add" : "delete"](table.content.ids[index])
  table.sent += 1
  table.send("ticked", { ids: [...table.ticked], asked: table.sent })
  drawHead(table)
  draw(table)
}

function clickHead(table, event) {
  if (event.target.closest(".tick")) return mark(table, table.order, !allTicked(table))
  const name = event.target.closest("button")?.dataset.column
  if (name === undefined) return
  const { kept } = table
  const { sort } = kept
  kept.sort = sort?.name !== name ? { name, descending: false } : sort.descending ? null : { name, descending: true }
  arrange(table)
}

function pressHead(table, event) {
  const stops = stopsOf(table)
  const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -stops.length, End: stops.length }
  if (event.key === "ArrowDown") table.box.focus()
  else if (event.key in steps) {
    const at = stops.indexOf(event.target) + steps[event.key]
    stops[Math.min(stops.length - 1, Math.max(0, at))].focus()
  } else return
  event.preventDefault()
}

function press(table, event) {
  if (event.target !== table.box) return
  const page = Math.max(1, Math.floor(table.box.clientHeight / ROW) - 2)
  const last = table.order.length - 1
  const at = position(table, table.kept.current)
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -last - 1, End: last + 1 }
  if (event.key in steps && last >= 0) show(table, Math.min(last, Math.max(0, at + steps[event.key])))
  else if (event.key === "Enter" && at >= 0 && linkOf(table)) linkOf(table).click()
  else if ([" ", "Enter"].includes(event.key) && table.ticking && at >= 0) toggle(table, at, event.shiftKey)
  else if (event.key === "a" && (event.ctrlKey || event.metaKey) && table.ticking) mark(table, table.order, true)
  else return
  event.preventDefault()
}

function linkOf({ rows, kept }) {
  return rows.get(kept.current)?.element.querySelector("a")
}

/** Make the row at this position the current one, and scroll it into view. */
function show(table, at) {
  const { box } = table
  // The head covers the height of one row.
  const [top, bottom] = [at * ROW, (at + 2) * ROW]
  table.kept.current = table.content.ids[table.order[at]]
  if (top < box.scrollTop) box.scrollTop = top
  if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight
  draw(table)
  if (box.style.maxHeight === "none") table.rows.get(table.kept.current).element.scrollIntoView({ block: "nearest" })
}

function drawChoices(table, columns) {
  const names = JSON.stringify(columns.map(({ name, head }) => [name, head]))
  if (names === table.offered) return
  table.offered = names
  const choices = columns.map((column) => {
    const label = document.createElement("label")
    const box = label.appendChild(document.createElement("input"))
    box.type = "checkbox"
    box.checked = !table.kept.hidden.has(column.name)
    box.dataset.column = column.name
    label.append(column.head)
    return label
  })
  table.choices.replaceChildren(...choices)
}

function choose(table, box) {
  // The last column cannot be hidden.
  if (table.columns.length === 1) box.checked = true
  table.kept.hidden[box.checked ? "delete" : "add"](box.dataset.column)
  arrange(table)
}

function close(table) {
  table.menu.open = false
  table.menu.querySelector("summary").focus()
}

function save(table) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([csv(table.columns, table.order, table.formula)], { type: "text/csv" }))
  link.download = `${table.name}.csv`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href))
}
