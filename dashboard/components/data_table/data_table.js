// A table of many rows, of which only those in view are drawn. Rows can be sorted, columns hidden, rows ticked.

import { csv, keepWidth, read, refresh, width } from "./data_table_cells.js"
import { sorted, stands } from "./data_table_order.js"
import { ROW, allTicked, draw, drawHead, reach, stopsOf } from "./data_table_draw.js"
import { keptFor } from "../kept.js"
import { afterRun } from "../page_run.js"

const tables = new WeakMap() // parentElement -> table; Streamlit calls the default export at every update
const contents = new Map() // digest -> content, of the large ones that were shown last: Python sends them once
const KEPT = 2
const TICK = 40 // pixels of the column of ticks
const STRETCH = 1.7 // a few short columns across a wide screen are hard to follow
const NARROWEST = 360 // pixels, for the line above the table

export default function dataTable({ parentElement, data, setTriggerValue }) {
  const table = tables.get(parentElement) ?? mount(parentElement, data.name)
  const content = contentOf(table, data)
  table.formula = new RegExp(data.formula)
  table.tell = (name, value) => setTriggerValue(name, value)
  if (!content?.whole && table.asked !== data.digest) {
    table.asked = data.digest
    afterRun(() => table.root.isConnected && table.tell("lacking", Date.now()))
  }
  if (content) update(table, content, data)
  return () => setTimeout(() => table.root.isConnected || unmount(table, parentElement))
}

function contentOf(table, { digest, content, whole, large }) {
  const known = table.content?.digest === digest ? table.content : contents.get(digest)
  if (!content || known?.whole) return known
  const found = { ...read(content), digest, whole }
  if (large && whole) contents.set(digest, found)
  if (contents.size > KEPT) contents.delete(contents.keys().next().value)
  return found
}

function mount(parentElement, key) {
  const root = parentElement.querySelector(".data-table")
  // Of the rows `current` is where the keyboard is, `last` the one ticked last: both by their ids.
  const kept = keptFor(key)
  if (!kept.hidden) Object.assign(kept, { hidden: new Set(), sort: null, current: null, last: null, top: 0 })
  const table = { root, kept, heads: new Map(), rows: new Map(), sent: 0 }
  for (const part of ["caption", "choices", "file", "box", "head", "body"]) table[part] = root.querySelector(`.${part}`)
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
  table.file.onclick = () => save(table)
  table.choices.onchange = (event) => choose(table, event.target)
  // In braces: a handler that returns false swallows the key, and Tab could not leave the menu.
  table.menu.onkeydown = (event) => {
    if (event.key === "Escape") close(table)
  }
  table.menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !table.menu.contains(event.relatedTarget)) table.menu.open = false
  })
  table.away = (event) => {
    if (!event.composedPath().includes(table.menu)) table.menu.open = false
  }
  document.addEventListener("pointerdown", table.away)
  table.observer = new ResizeObserver(() => draw(table))
  table.observer.observe(table.box)
  tables.set(parentElement, table)
  return table
}

function unmount(table, parentElement) {
  tables.delete(parentElement)
  table.observer.disconnect()
  document.removeEventListener("pointerdown", table.away)
}

function update(table, content, data) {
  const other = table.content !== content
  const first = content.whole && !table.content?.whole
  const shown = JSON.stringify(data.shown)
  if (data.fresh) refresh(content, data.fresh)
  if (other && table.content) keepWidths(content, table.content)
  if (!other && table.shown !== shown) table.box.scrollTop = 0 // another filter; with other rows too, it may be the same
  if (other || table.shown !== shown) table.places = data.shown ?? content.ids.map((_, place) => place)
  table.content = content
  table.shown = shown
  table.name = data.name
  table.ticking = data.ticked !== null
  if (data.answered >= table.sent) table.ticked = new Set(data.ticked ?? [])
  table.sent = Math.max(table.sent, data.answered)
  table.caption.textContent = data.caption
  table.box.setAttribute("aria-label", data.caption)
  table.box.setAttribute("aria-multiselectable", table.ticking)
  table.box.style.maxHeight = data.height ? `${data.height}px` : "none"
  const { top } = table.kept
  arrange(table)
  if (first) table.box.scrollTop = top
}

/** Put rows into their order and columns into their places, and draw what has changed. */
function arrange(table) {
  const { content, ticking } = table
  const { hidden, sort } = table.kept
  const by = content.columns.find((column) => column.name === sort?.name)
  table.order = by ? sorted(table.places, by, sort.descending) : table.places
  table.positions = null
  const filled = content.columns.filter((column) => column.values.some(stands)) // one without any value takes no room
  table.columns = filled.filter((column) => !hidden.has(column.name))
  const font = `600 15px ${getComputedStyle(table.root).fontFamily}`
  for (const column of filled) column.pixels ??= width(column, font)
  const tracks = ticking ? [`${TICK}px`] : []
  let total = ticking ? TICK : 0
  for (const column of table.columns) {
    column.left = column.pinned ? total : null
    tracks.push(column.pinned ? `${column.pixels}px` : `minmax(${column.pixels}px, ${column.pixels}fr)`)
    total += column.pixels
  }
  const widest = filled.reduce((sum, column) => sum + column.pixels, ticking ? TICK : 0)
  table.root.style.setProperty("--tracks", tracks.join(" "))
  table.root.style.setProperty("--total", `${total}px`)
  table.root.style.maxWidth = `${Math.max(NARROWEST, STRETCH * widest)}px` // also of those hidden: the menu keeps its place
  table.box.style.maxWidth = `${STRETCH * total}px`
  table.box.setAttribute("aria-rowcount", table.order.length + 1)
  table.box.setAttribute("aria-colcount", tracks.length)
  table.body.style.height = `${table.order.length * ROW}px`
  const looks = table.columns.map(({ values, codes, words, pixels, least, ...look }) => look)
  table.layout = JSON.stringify([ticking, looks])
  drawChoices(table, filled)
  drawHead(table)
  draw(table)
  table.root.dataset.rows = table.order.length
}

/** Newer values may widen a column, but make none narrower. */
function keepWidths(content, before) {
  const widths = new Map(before.columns.map((column) => [column.name, column.pixels ?? column.least]))
  for (const column of content.columns) keepWidth(column, widths.get(column.name))
}

/** Where the row with this id stands now; -1 if it is not shown. */
function position(table, id) {
  table.positions ??= new Map(table.order.map((place, at) => [table.content.ids[place], at]))
  return table.positions.get(id) ?? -1
}

function click(table, event) {
  const at = Number(event.target.closest(".row")?.dataset.at ?? -1)
  if (at < 0) return
  if (table.ticking && event.target.closest(".tick")) {
    toggle(table, at, event.shiftKey)
    table.box.focus({ preventScroll: true }) // the arrow keys go on from here
  } else table.kept.current = table.content.ids[table.order[at]]
}

/** Tick a row or untick it; with `range` all rows since the last one, too. */
function toggle(table, at, range) {
  const id = table.content.ids[table.order[at]]
  const last = range ? position(table, table.kept.last) : -1
  const from = last < 0 ? at : last
  const on = !table.ticked.has(id)
  table.kept.current = table.kept.last = id
  mark(table, table.order.slice(Math.min(from, at), Math.max(from, at) + 1), on)
}

/** Tick rows or untick them, at once; Python's answer confirms it. */
function mark(table, places, on) {
  for (const place of places) table.ticked[on ? "add" : "delete"](table.content.ids[place])
  table.sent += 1
  table.tell("ticked", { ids: [...table.ticked], asked: table.sent })
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

/** Make the row there the current one, and bring it into view. */
function show(table, at) {
  const { box } = table
  const [top, bottom] = [at * ROW, (at + 2) * ROW] // the head covers the height of a row
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
  if (table.columns.length === 1) box.checked = true // the last one stays
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
