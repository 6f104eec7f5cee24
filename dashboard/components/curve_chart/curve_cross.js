// The crosshair of a chart: a line at the pointer, dots on the nearest values, and what they are in words.
import { readOff, written } from "./curve_axes.js"

// The most values that are listed.
const MOST = 6
// A value is listed if its point is so many pixels beside the pointer at most.
const BESIDE = 40

/**
 * Show the crosshair of panel `to.panel` at `to.pointer` (pixels), or hide it if `to` is null. With `to.line` that line
 * counts as the nearest; with `to.move` ([across, down]) the crosshair goes on from the nearest point first, along its
 * line or to the next one. Returns where it is then, or null.
 */
export function showCross(chart, to) {
  for (const plot of chart.plots) plot.querySelector(".cross").hidden = plot.querySelector(".tip").hidden = true
  for (const plot of chart.plots) plot.querySelector(".marks").replaceChildren()
  if (!to) return null
  const plot = chart.plots[to.panel]
  let near = pointsNear(plot, to)
  if (to.move && near.length) {
    to = moved(plot, near, to)
    near = pointsNear(plot, to)
  }
  if (!near.length) return to
  const [first, ...others] = near
  const listed = [first, ...others.filter(({ at }) => Math.abs(at[0] - first.at[0]) <= BESIDE)].slice(0, MOST)
  listed.sort((a, b) => a.at[1] - b.at[1])
  const value = plot.scales.x.back(to.line ? first.at[0] : to.pointer[0])
  for (const other of chart.plots) drawUpright(other, value)
  plot.querySelector(".marks").replaceChildren(...listed.map((each) => dot(each, each === first)))
  drawTip(chart, plot, listed, first)
  return to
}

// Of each line that passes the pointer its nearest point, the line that is nearest to the pointer first.
function pointsNear({ lines, scales: { x, y } }, { pointer, line: chosen }) {
  const near = lines.flatMap((line) => {
    const { length } = line.x
    if ((line.role !== "curve" && line.role !== "mark") || !length) return []
    if (pointer[0] < x.to(line.x[0]) - 24 || pointer[0] > x.to(line.x[length - 1]) + 24) return []
    const index = nearest(line.x, pointer[0], x)
    const at = [x.to(line.x[index]), y.to(line.y[index])]
    return [{ line, index, at, away: line.id === chosen ? -1 : Math.abs(heightAt(line, index, pointer[0], x, y) - pointer[1]) }]
  })
  return near.sort((a, b) => a.away - b.away)
}

function nearest(column, across, x) {
  let [low, high] = [0, column.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (x.to(column[middle]) < across) low = middle + 1
    else high = middle
  }
  return low > 0 && across - x.to(column[low - 1]) < x.to(column[low]) - across ? low - 1 : low
}

// Where the line between two points passes the pointer.
function heightAt(line, index, across, x, y) {
  const other = Math.max(0, Math.min(line.x.length - 1, index + (x.to(line.x[index]) < across ? 1 : -1)))
  const [x0, x1] = [x.to(line.x[index]), x.to(line.x[other])]
  const share = x0 === x1 ? 0 : Math.max(0, Math.min(1, (across - x0) / (x1 - x0)))
  return y.to(line.y[index]) + share * (y.to(line.y[other]) - y.to(line.y[index]))
}

function moved({ scales }, near, { panel, move: [across, down] }) {
  let { line, index } = near[0]
  if (across) {
    const [first, last] = scales.x.ends.map((end) => nearest(line.x, scales.x.to(end), scales.x))
    const step = Math.max(1, Math.round((last - first) / 60))
    index = Math.max(first, Math.min(last, index + across * step))
  } else {
    const order = near.toSorted((a, b) => a.at[1] - b.at[1])
    ;({ line, index } = order[Math.max(0, Math.min(order.length - 1, order.indexOf(near[0]) + down))])
  }
  return { panel, line: line.id, pointer: [scales.x.to(line.x[index]), scales.y.to(line.y[index])] }
}

function drawUpright(plot, value) {
  const { x, box } = plot.scales
  const left = x.to(value)
  const line = plot.querySelector(".cross")
  line.hidden = left < box.left || left > box.right
  Object.assign(line.style, { left: `${left}px`, top: `${box.top}px`, height: `${box.bottom - box.top}px` })
}

function dot({ line, at }, isNearest) {
  const element = document.createElement("div")
  element.className = isNearest ? "dot nearest" : "dot"
  Object.assign(element.style, { left: `${at[0]}px`, top: `${at[1]}px`, background: line.colour })
  return element
}

function drawTip(chart, plot, listed, first) {
  const { shape } = chart.kept.held
  const labels = new Map(shape.entries.map((entry) => [entry.group, entry.label]))
  const tip = plot.querySelector(".tip")
  const rows = listed.map((near) => {
    const row = document.createElement("div")
    const text = document.createElement("span")
    const { line, index } = near
    const value = line.role === "mark" ? line.kind : `${written(plot.metric, line.y[index])} ${line.kind}`
    text.textContent = `${labels.get(line.group)}: ${value}`
    row.className = near === first ? "nearest" : ""
    row.append(swatchOf(line), text)
    return row
  })
  const head = document.createElement("div")
  head.textContent = readOff(shape.x, first.line.x[first.index])
  tip.replaceChildren(head, ...rows)
  tip.hidden = false
  const [x, y] = first.at
  const { clientWidth: width, clientHeight: height } = plot
  const left = x < width / 2 ? x + 16 : x - 16 - tip.offsetWidth
  const top = y < height / 2 ? y + 14 : y - 14 - tip.offsetHeight
  tip.style.left = `${Math.max(0, Math.min(left, width - tip.offsetWidth))}px`
  tip.style.top = `${Math.max(0, Math.min(top, height - tip.offsetHeight))}px`
}

function swatchOf({ colour }) {
  const element = document.createElement("b")
  Object.assign(element.style, { flex: "none", width: "12px", height: "4px", background: colour })
  return element
}
