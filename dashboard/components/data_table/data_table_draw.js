// The head of a table and its rows in view. Elements that exist are reused, so that clicks and focus survive updates.

import { cell } from "./data_table_cells.js"

// Height of a row in pixels, as in data_table.css.
export const ROW = 36
// How many rows are drawn beyond each edge.
const MARGIN_ROWS = 8

/** The heads of the columns, and a box that ticks all rows; Tab reaches one of them, the arrow keys the others. */
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

/** Let Tab reach this element and none of the others. */
export function reach(stops, wanted) {
  for (const stop of stops) stop.tabIndex = stop === wanted ? 0 : -1
}

export function allTicked({ order, content, ticked }) {
  return order.length > 0 && order.every((index) => ticked.has(content.ids[index]))
}

/** Draw the rows in view; `table.rows` contains the elements of each, by its id. */
export function draw(table) {
  if (!table.order) return
  const { scrollTop, clientHeight } = table.box
  const first = Math.max(0, Math.floor(scrollTop / ROW) - MARGIN_ROWS)
  const beyond = Math.min(table.order.length, Math.ceil((scrollTop + (clientHeight || 400)) / ROW) + MARGIN_ROWS)
  const rows = []
  for (let at = first; at < beyond; at += 1) rows.push(row(table, at))
  table.rows = new Map(rows.map((row) => [row.id, row]))
  put(table.body, rows.map((row) => row.element))
  table.body.style.paddingTop = `${first * ROW}px`
  const { current } = table.kept
  if (table.rows.has(current)) table.box.setAttribute("aria-activedescendant", `row-${current}`)
  else table.box.removeAttribute("aria-activedescendant")
}

function head(table, column) {
  const element = table.heads.get(column.name) ?? newHead(column.name)
  const sort = table.kept.sort?.name === column.name ? table.kept.sort : null
  const text = column.head + (sort ? (sort.descending ? " ↓" : " ↑") : "")
  const button = element.firstChild
  element.className = `cell ${column.right ? "right" : ""}`
  element.setAttribute("aria-sort", sort ? (sort.descending ? "descending" : "ascending") : "none")
  if (button.textContent !== text) button.textContent = text
  // What explains a term is shown by `showTerm`, which the keyboard reaches, too.
  button.title = column.terms ? "" : [column.head, column.help, "Click to sort."].filter(Boolean).join("\n")
  button.classList.toggle("marked", Boolean(column.terms))
  if (column.terms) button.setAttribute("aria-describedby", "term")
  table.heads.set(column.name, element)
  return pin(element, column)
}

/** Show below the head of a column what its terms mean, with links to the glossary; null hides it. */
export function showTerm(table, name) {
  const column = name ? table.columns.find((column) => column.name === name) : null
  table.term.hidden = !column?.terms
  if (table.term.hidden) return
  const lines = [column.help, ...column.terms].filter(Boolean).map((part) => {
    const line = document.createElement("p")
    if (typeof part === "string") line.textContent = part
    else {
      const [term, sentence, address] = part
      const link = Object.assign(document.createElement("a"), { textContent: term, href: address, target: "_blank", rel: "noopener" })
      line.append(link, `: ${sentence}`)
    }
    return line
  })
  table.term.replaceChildren(...lines)
  const head = table.heads.get(name).getBoundingClientRect()
  const root = table.root.getBoundingClientRect()
  // Class mode enlarges tables, and positions within them count in pixels before that.
  const zoom = root.width / table.root.offsetWidth || 1
  const left = Math.max(0, Math.min((head.left - root.left) / zoom, table.root.offsetWidth - table.term.offsetWidth))
  Object.assign(table.term.style, { left: `${left}px`, top: `${(head.bottom - root.top) / zoom}px` })
}

function newHead(name) {
  const element = document.createElement("span")
  const button = element.appendChild(document.createElement("button"))
  element.setAttribute("role", "columnheader")
  button.type = "button"
  button.tabIndex = -1
  button.dataset.column = name
  return element
}

function row(table, at) {
  const index = table.order[at]
  const id = table.content.ids[index]
  let drawn = table.rows.get(id)
  if (drawn?.layout !== table.layout) drawn = newRow(table, id)
  const { element, cells, values } = drawn
  table.columns.forEach((column, track) => {
    const value = column.values[index]
    const state = column.decimals ? `${value} ${column.decimals[index]}` : value
    if (cells[track] && values[track] === state) return
    const newCell = pin(cell(column, value, index), column)
    if (cells[track]) cells[track].replaceWith(newCell)
    else element.append(newCell)
    cells[track] = newCell
    values[track] = state
  })
  element.className = id === table.kept.current ? "row current" : "row"
  element.dataset.at = at
  element.setAttribute("aria-rowindex", at + 2)
  if (table.ticking) {
    element.setAttribute("aria-selected", table.ticked.has(id))
    element.firstChild.firstChild.checked = table.ticked.has(id)
  }
  return drawn
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
  const element = document.createElement("span")
  element.className = "cell tick pinned"
  element.setAttribute("role", role)
  const box = element.appendChild(document.createElement("input"))
  box.type = "checkbox"
  // The keyboard ticks the current row instead.
  box.tabIndex = -1
  box.setAttribute("aria-label", label)
  return element
}

function pin(cell, { left }) {
  if (left === null) return cell
  cell.classList.add("pinned")
  cell.style.left = `${left}px`
  return cell
}

/** Make these elements the children; those that are at the right position are not touched. */
function put(parent, elements) {
  const wanted = new Set(elements)
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove()
  elements.forEach((element, position) => {
    if (parent.children[position] !== element) parent.insertBefore(element, parent.children[position] ?? null)
  })
}
