// The head of a table and its rows in view. What is drawn already stays: presses and focus outlive every update.

import { cell } from "./data_table_cells.js"

export const ROW = 36 // pixels, as in the style
const AHEAD = 8 // rows that are drawn beyond the edge

/** The heads of the columns, and a box that ticks all rows; Tab reaches one of them, arrows the others. */
export function drawHead(table) {
  const heads = table.columns.map((column) => head(table, column))
  if (table.ticking) {
    table.all ??= tick("Choose all of these rows", "columnheader")
    table.all.firstChild.checked = allTicked(table)
    heads.unshift(table.all)
  }
  put(table.head, heads)
  const stops = stopsOf(table)
  reach(stops, stops.find((stop) => stop.tabIndex === 0) ?? stops[0])
}

/** What can be focused in the head, in order. */
export function stopsOf(table) {
  return [...table.head.querySelectorAll("button, input")]
}

/** Let Tab reach this one. */
export function reach(stops, wanted) {
  for (const stop of stops) stop.tabIndex = stop === wanted ? 0 : -1
}

export function allTicked({ order, content, ticked }) {
  return order.length > 0 && order.every((place) => ticked.has(content.ids[place]))
}

/** The rows in view; `table.rows` holds what is drawn of each, by its id. */
export function draw(table) {
  if (!table.order) return
  const { scrollTop, clientHeight } = table.box
  const first = Math.max(0, Math.floor(scrollTop / ROW) - AHEAD)
  const beyond = Math.min(table.order.length, Math.ceil((scrollTop + (clientHeight || 400)) / ROW) + AHEAD)
  const rows = []
  for (let at = first; at < beyond; at += 1) rows.push(row(table, at))
  table.rows = new Map(rows.map((one) => [one.id, one]))
  put(table.body, rows.map((one) => one.element))
  table.body.style.paddingTop = `${first * ROW}px`
  const { current } = table.kept
  if (table.rows.has(current)) table.box.setAttribute("aria-activedescendant", `row-${current}`)
  else table.box.removeAttribute("aria-activedescendant")
}

function head(table, column) {
  const found = table.heads.get(column.name) ?? newHead(column.name)
  const sort = table.kept.sort?.name === column.name ? table.kept.sort : null
  const text = column.head + (sort ? (sort.descending ? " ↓" : " ↑") : "")
  const button = found.firstChild
  found.className = `cell ${column.right ? "right" : ""}`
  found.setAttribute("aria-sort", sort ? (sort.descending ? "descending" : "ascending") : "none")
  if (button.textContent !== text) button.textContent = text
  button.title = [column.head, column.help, "Click to sort."].filter(Boolean).join("\n")
  table.heads.set(column.name, found)
  return pin(found, column)
}

function newHead(name) {
  const found = document.createElement("span")
  const button = found.appendChild(document.createElement("button"))
  found.setAttribute("role", "columnheader")
  button.type = "button"
  button.tabIndex = -1
  button.dataset.column = name
  return found
}

function row(table, at) {
  const place = table.order[at]
  const id = table.content.ids[place]
  let found = table.rows.get(id)
  if (found?.layout !== table.layout) found = newRow(table, id)
  const { element, cells, values } = found
  table.columns.forEach((column, track) => {
    const value = column.values[place]
    const state = column.decimals ? `${value} ${column.decimals[place]}` : value
    if (cells[track] && values[track] === state) return
    const drawn = pin(cell(column, value, place), column)
    if (cells[track]) cells[track].replaceWith(drawn)
    else element.append(drawn)
    cells[track] = drawn
    values[track] = state
  })
  element.className = id === table.kept.current ? "row current" : "row"
  element.dataset.at = at
  element.setAttribute("aria-rowindex", at + 2)
  if (table.ticking) {
    element.setAttribute("aria-selected", table.ticked.has(id))
    element.firstChild.firstChild.checked = table.ticked.has(id)
  }
  return found
}

function newRow({ layout, ticking }, id) {
  const element = document.createElement("div")
  element.id = `row-${id}`
  element.dataset.id = id
  element.setAttribute("role", "row")
  if (ticking) element.append(tick(`Choose row ${id}`, "gridcell"))
  return { id, layout, element, cells: [], values: [] }
}

function tick(label, role) {
  const found = document.createElement("span")
  found.className = "cell tick pinned"
  found.setAttribute("role", role)
  const box = found.appendChild(document.createElement("input"))
  box.type = "checkbox"
  box.tabIndex = -1 // the keyboard ticks the current row
  box.setAttribute("aria-label", label)
  return found
}

function pin(cell, { left }) {
  if (left === null) return cell
  cell.classList.add("pinned")
  cell.style.left = `${left}px`
  return cell
}

/** Make these the children, and touch none that is in its place. */
function put(parent, elements) {
  const wanted = new Set(elements)
  for (const one of [...parent.children]) if (!wanted.has(one)) one.remove()
  elements.forEach((one, place) => {
    if (parent.children[place] !== one) parent.insertBefore(one, parent.children[place] ?? null)
  })
}
