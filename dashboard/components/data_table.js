// A table of many rows, of which only those in view are drawn. Rows can be sorted, columns hidden, rows ticked.

import { cell, csv, keepWidth, read, refresh, sorted, width } from "./data_table_cells.js"

const tables = new WeakMap() // parentElement -> table; Streamlit calls the default export at every update
const contents = new Map() // digest -> content, of the large ones that were shown last: Python sends them once
const KEPT = 2
const ROW = 36 // pixels, as in the style
const AHEAD = 8 // rows that are drawn beyond the edge
const TICK = 40 // pixels of the column of ticks
const STRETCH = 1.7 // a few short columns across a wide screen are hard to follow

export default function dataTable({ parentElement, data, setTriggerValue }) {
  const table = tables.get(parentElement) ?? mount(parentElement)
  const content = contentOf(table, data)
  table.tell = (name, value) => setTriggerValue(name, value)
  if (!content?.whole && table.asked !== data.digest) {
    table.asked = data.digest
    table.tell("lacking", Date.now())
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

function mount(parentElement) {
  const root = parentElement.querySelector(".data-table")
  const table = { root, hidden: new Set(), sort: null, current: -1, last: -1, sent: 0 }
  for (const part of ["caption", "choices", "file", "box", "head", "body"]) table[part] = root.querySelector(`.${part}`)
  table.menu = root.querySelector("details")
  table.box.onscroll = () => draw(table)
  table.box.onkeydown = (event) => press(table, event)
  table.body.onclick = (event) => click(table, event)
  table.head.onclick = (event) => clickHead(table, event)
  table.file.onclick = () => save(table)
  table.choices.onchange = (event) => choose(table, event.target)
  table.away = (event) => event.composedPath().includes(table.menu) || (table.menu.open = false)
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
  const shown = JSON.stringify(data.shown)
  if (data.fresh) refresh(content, data.fresh)
  if (other && table.content) keepWidths(content, table.content)
  table.content = content
  table.name = data.name
  table.ticking = data.ticked !== null
  if (data.answered >= table.sent) table.ticked = new Set(data.ticked ?? [])
  table.sent = Math.max(table.sent, data.answered)
  table.caption.textContent = data.caption
  table.box.setAttribute("aria-label", data.caption)
  table.box.setAttribute("aria-multiselectable", table.ticking)
  table.box.style.maxHeight = data.height ? `${data.height}px` : "none"
  if (other || table.shown !== shown) table.places = data.shown ?? content.ids.map((_, place) => place)
  if (table.shown !== shown) {
    table.shown = shown
    table.box.scrollTop = 0
    table.current = table.last = -1
  }
  if (other) drawChoices(table)
  arrange(table)
}

/** Put rows into their order and columns into their places, and draw everything. */
function arrange(table) {
  const { content, hidden, sort } = table
  const by = content.columns.find((column) => column.name === sort?.name)
  table.order = by ? sorted(table.places, by, sort.descending) : table.places
  table.columns = content.columns.filter((column) => !hidden.has(column.name) && column.values.some(stands))
  const font = `600 15px ${getComputedStyle(table.root).fontFamily}`
  const tracks = table.ticking ? [`${TICK}px`] : []
  let total = table.ticking ? TICK : 0
  for (const column of table.columns) {
    const pixels = (column.pixels ??= width(column, font))
    column.left = column.pinned ? total : null
    tracks.push(column.pinned ? `${pixels}px` : `minmax(${pixels}px, ${pixels}fr)`)
    total += pixels
  }
  table.root.style.setProperty("--tracks", tracks.join(" "))
  table.root.style.setProperty("--total", `${total}px`)
  table.root.style.maxWidth = `${STRETCH * total}px`
  table.box.setAttribute("aria-rowcount", table.order.length + 1)
  table.box.setAttribute("aria-colcount", tracks.length)
  drawHead(table)
  table.body.style.height = `${table.order.length * ROW}px`
  table.drawn = ""
  draw(table)
  table.root.dataset.rows = table.order.length
}

/** Newer values may widen a column, but make none narrower. */
function keepWidths(content, before) {
  const widths = new Map(before.columns.map((column) => [column.name, column.pixels ?? column.least]))
  for (const column of content.columns) keepWidth(column, widths.get(column.name))
}

/** Whether it takes room: a column in which nothing stands does not. */
function stands(value) {
  return value !== null && value.length !== 0
}

function drawHead(table) {
  const cells = table.columns.map((column) => {
    const found = document.createElement("span")
    const sort = table.sort?.name === column.name ? table.sort : null
    const button = found.appendChild(document.createElement("button"))
    found.className = `cell ${column.right ? "right" : ""}`
    found.setAttribute("role", "columnheader")
    found.setAttribute("aria-sort", sort ? (sort.descending ? "descending" : "ascending") : "none")
    button.type = "button"
    button.dataset.column = column.name
    button.textContent = column.head + (sort ? (sort.descending ? " ↓" : " ↑") : "")
    button.title = [column.help, "Click to sort."].filter(Boolean).join(" ")
    return pin(found, column)
  })
  if (table.ticking) {
    cells.unshift(tick(allTicked(table), "Choose all of these rows", "columnheader"))
  }
  table.head.replaceChildren(...cells)
}

function draw(table) {
  if (!table.order) return
  const { scrollTop, clientHeight } = table.box
  const first = Math.max(0, Math.floor(scrollTop / ROW) - AHEAD)
  const beyond = Math.min(table.order.length, Math.ceil((scrollTop + (clientHeight || 400)) / ROW) + AHEAD)
  const drawn = `${first} ${beyond} ${table.current}`
  if (drawn === table.drawn) return
  table.drawn = drawn
  const rows = document.createDocumentFragment()
  for (let at = first; at < beyond; at += 1) rows.append(row(table, at))
  table.body.replaceChildren(rows)
  table.body.style.paddingTop = `${first * ROW}px`
  if (table.current >= first && table.current < beyond) table.box.setAttribute("aria-activedescendant", `row-${table.current}`)
  else table.box.removeAttribute("aria-activedescendant")
}

function row(table, at) {
  const place = table.order[at]
  const id = table.content.ids[place]
  const found = document.createElement("div")
  found.className = at === table.current ? "row current" : "row"
  found.id = `row-${at}`
  found.dataset.at = at
  found.dataset.id = id
  found.setAttribute("role", "row")
  found.setAttribute("aria-rowindex", at + 2)
  if (table.ticking) {
    found.setAttribute("aria-selected", table.ticked.has(id))
    found.append(tick(table.ticked.has(id), `Choose row ${id}`, "gridcell"))
  }
  found.append(...table.columns.map((column) => pin(cell(column, column.values[place]), column)))
  return found
}

function pin(cell, column) {
  if (column.left !== null) {
    cell.classList.add("pinned")
    cell.style.left = `${column.left}px`
  }
  return cell
}

function tick(checked, label, role) {
  const found = document.createElement("span")
  found.className = "cell tick pinned"
  found.setAttribute("role", role)
  const box = found.appendChild(document.createElement("input"))
  box.type = "checkbox"
  box.checked = checked
  box.tabIndex = -1 // the keyboard ticks the current row
  box.setAttribute("aria-label", label)
  return found
}

function click(table, event) {
  const at = Number(event.target.closest(".row")?.dataset.at ?? -1)
  if (at < 0 || !table.ticking || !event.target.closest(".tick")) return
  const on = !table.ticked.has(table.content.ids[table.order[at]])
  const from = event.shiftKey && table.last >= 0 ? table.last : at // with shift: all since the last tick
  table.current = at
  mark(table, table.order.slice(Math.min(from, at), Math.max(from, at) + 1), on)
  table.last = at
}

function allTicked({ order, content, ticked }) {
  return order.length > 0 && order.every((place) => ticked.has(content.ids[place]))
}

function clickHead(table, event) {
  if (event.target.closest(".tick")) return mark(table, table.order, !allTicked(table))
  const name = event.target.closest("button")?.dataset.column
  if (name === undefined) return
  const { sort } = table
  table.sort = sort?.name !== name ? { name, descending: false } : sort.descending ? null : { name, descending: true }
  table.current = table.last = -1
  arrange(table)
  table.head.querySelector(`[data-column=${CSS.escape(name)}]`)?.focus()
}

/** Tick rows or untick them, at once; Python's answer confirms it. */
function mark(table, places, on) {
  for (const place of places) table.ticked[on ? "add" : "delete"](table.content.ids[place])
  table.sent += 1
  table.tell("ticked", { ids: [...table.ticked], asked: table.sent })
  table.drawn = ""
  drawHead(table)
  draw(table)
}

function press(table, event) {
  if (event.target !== table.box) return
  const page = Math.max(1, Math.floor(table.box.clientHeight / ROW) - 2)
  const last = table.order.length - 1
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -last - 1, End: last + 1 }
  if (event.key in steps) {
    table.current = Math.min(last, Math.max(0, table.current + steps[event.key]))
    show(table)
  } else if ((event.key === " " || event.key === "Enter") && table.ticking && table.current >= 0) {
    const place = table.order[table.current]
    mark(table, [place], !table.ticked.has(table.content.ids[place]))
  } else return
  event.preventDefault()
}

function show(table) {
  const { box, current } = table
  const [top, bottom] = [current * ROW, (current + 2) * ROW] // the head covers the height of a row
  if (top < box.scrollTop) box.scrollTop = top
  if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight
  draw(table)
}

function drawChoices(table) {
  const choices = table.content.columns.map((column) => {
    const label = document.createElement("label")
    const box = label.appendChild(document.createElement("input"))
    box.type = "checkbox"
    box.checked = !table.hidden.has(column.name)
    box.dataset.column = column.name
    label.append(column.head)
    return label
  })
  table.choices.replaceChildren(...choices)
}

function choose(table, box) {
  table.hidden[box.checked ? "delete" : "add"](box.dataset.column)
  arrange(table)
}

function save(table) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([csv(table.columns, table.order)], { type: "text/csv" }))
  link.download = `${table.name}.csv`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href))
}
