// A chart of curves that stays in place while its points grow. Python has smoothed and thinned them; this only draws.
import { readOff, written } from "./curve_axes.js"
import { showCross } from "./curve_cross.js"
import { paint } from "./curve_drawing.js"
import { accept, emptyChart } from "./curve_points.js"
import { keptFor } from "../kept.js"
import { afterRun } from "../page_run.js"
import { whenRenewed } from "../renewal/renewed.js"

// Milliseconds before missing points are requested again.
const REQUEST_AGAIN = 3000
// A drag shorter than this in pixels is a click.
const SHORT = 8

// Charts by their parentElement: Streamlit calls the default export again at every update.
const charts = new WeakMap()

export default function curveChart({ parentElement, data, setTriggerValue, setStateValue }) {
  const chart = charts.get(parentElement) ?? mount(parentElement, data)
  Object.assign(chart, { message: data.message, label: data.label, empty: data.empty })
  chart.requestAll = () => setTriggerValue("resync", Date.now())
  chart.sendView = (view) => setStateValue("view", view)
  receive(chart)
  // A chart that was mounted again may be zoomed into a part that Python does not know of yet.
  if (data.live) afterRun(() => chart.root.isConnected && sendViewIfChanged(chart))
  // Streamlit also calls this when the next update has replaced this one, although the chart is still on the page.
  return () => setTimeout(() => chart.root.isConnected || unmount(chart, parentElement))
}

function mount(parentElement, { key, live, view, styles }) {
  const root = parentElement.querySelector(".curve-chart")
  if (styles) {
    const link = document.createElement("link")
    // Without its styles the chart has another form; what is not seen cannot be seen to move.
    root.style.visibility = "hidden"
    link.onload = link.onerror = () => (root.style.visibility = "")
    root.before(Object.assign(link, { rel: "stylesheet", href: new URL(styles, location.origin).href }))
  }
  const kept = keptFor(key)
  kept.zoom ??= {}
  kept.alone ??= null
  kept.held ??= emptyChart()
  const chart = { root, kept, live, plots: [], requestedAt: -REQUEST_AGAIN, redraws: 0, sentView: JSON.stringify(view) }
  for (const part of ["note", "legend", "key", "whole", "as-table", "values"]) chart[part] = root.querySelector(`.${part}`)
  chart.area = root.querySelector(".plots")
  chart.catchUp = () => requestMissing(chart)
  document.addEventListener("visibilitychange", chart.catchUp)
  whenRenewed(root, key, (message) => renew(chart, message))
  // The style sheet of a growing chart may come after its first lines, and gives the panels another height.
  chart.observer = new ResizeObserver(() => chart.size !== sizeOf(chart) && schedule(chart))
  root.addEventListener("transitionend", (event) => event.target === root && schedule(chart))
  chart.whole.onclick = () => zoomTo(chart, {})
  chart["as-table"].onclick = () => {
    kept.table = !kept.table
    drawTable(chart)
  }
  chart.legend.onkeydown = (event) => walkLegend(chart, event)
  charts.set(parentElement, chart)
  return chart
}

function unmount(chart, parentElement) {
  charts.delete(parentElement)
  chart.observer.disconnect()
  document.removeEventListener("visibilitychange", chart.catchUp)
}

function renew(chart, message) {
  // The page may have run meanwhile and brought a newer message.
  if (message.to <= chart.kept.held.to) return
  chart.message = message
  receive(chart)
}

function receive(chart) {
  const { kept, message } = chart
  chart.missing = !accept(kept.held, message)
  requestMissing(chart)
  if (!kept.held.shape) return
  if (!chart.missing) kept.ends = message.ends
  // A part of one axis means nothing on another.
  const { x, panels } = kept.held.shape
  if (kept.across !== x.name) delete kept.zoom.x
  kept.across = x.name
  const metrics = panels.map((panel) => panel.metric)
  for (const name of Object.keys(kept.zoom)) if (name !== "x" && !metrics.includes(name)) delete kept.zoom[name]
  while (chart.plots.length > panels.length) chart.plots.pop().remove()
  while (chart.plots.length < panels.length) chart.plots.push(addPlot(chart, chart.plots.length))
  drawLegend(chart)
  schedule(chart)
}

// A hidden tab always loses updates; it catches up once, when it becomes visible again.
function requestMissing(chart) {
  if (!chart.missing || document.hidden || performance.now() - chart.requestedAt < REQUEST_AGAIN) return
  chart.requestedAt = performance.now()
  afterRun(() => chart.root.isConnected && chart.requestAll())
}

function addPlot(chart, index) {
  const plot = document.createElement("div")
  plot.className = "plot"
  plot.innerHTML = '<canvas role="img" tabindex="0"></canvas><div class="cross" hidden></div><div class="marks"></div>' +
    '<div class="frame" hidden></div><div class="tip" role="status" hidden></div>'
  chart.area.append(plot)
  chart.observer.observe(plot)
  const canvas = plot.firstChild
  plot.onpointerdown = (event) => press(chart, plot, event)
  plot.onpointermove = (event) => (chart.from ? stretch(chart, plot, event) : point(chart, index, event))
  plot.onpointerup = (event) => chart.from && release(chart, plot, index, event)
  plot.onpointercancel = () => letGo(chart, plot)
  plot.onpointerleave = () => cross(chart, null)
  plot.ondblclick = () => zoomTo(chart, {})
  canvas.onkeydown = (event) => key(chart, index, event)
  canvas.onblur = () => cross(chart, null)
  return plot
}

function drawLegend(chart) {
  const { shape } = chart.kept.held
  const text = JSON.stringify([shape.entries, shape.kinds])
  if (chart.drawnLegend === text) return mark(chart)
  chart.drawnLegend = text
  if (!shape.entries.some((entry) => entry.group === chart.kept.alone)) chart.kept.alone = null
  const focused = chart.root.getRootNode().activeElement?.dataset?.group
  chart.legend.replaceChildren(
    ...shape.entries.map((entry) => {
      const button = document.createElement("button")
      button.dataset.group = entry.group
      button.title = `${entry.name}: show this line alone, or all again`
      button.append(swatch(entry.colour, entry.dash, 3), entry.name)
      button.onclick = () => {
        chart.kept.alone = entry.group === chart.kept.alone ? null : entry.group
        mark(chart)
        schedule(chart)
      }
      return button
    }),
  )
  chart.key.replaceChildren(
    ...shape.kinds.map(({ name, dash, width, is_faint, has_marks }) => {
      const label = document.createElement("span")
      label.append(swatch("currentColor", dash, width, is_faint, has_marks), name)
      return label
    }),
  )
  mark(chart)
  const buttons = [...chart.legend.children]
  const stop = buttons.find((button) => button.dataset.group === focused)
  stopAt(buttons, stop ?? buttons[0])
  stop?.focus()
}

// Mark in the legend which line is shown alone, if any.
function mark(chart) {
  const { alone } = chart.kept
  chart.legend.classList.toggle("isolated", alone !== null)
  for (const button of chart.legend.children) button.setAttribute("aria-pressed", String(button.dataset.group === alone))
}

// The legend is one stop of the Tab key: this button.
function stopAt(buttons, stop) {
  for (const button of buttons) button.tabIndex = button === stop ? 0 : -1
}

function walkLegend(chart, event) {
  const buttons = [...chart.legend.children]
  const from = buttons.indexOf(event.target)
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -from, End: buttons.length - 1 - from }
  if (!(event.key in steps) || from < 0) return
  event.preventDefault()
  event.stopPropagation()
  const to = buttons[(from + steps[event.key] + buttons.length) % buttons.length]
  stopAt(buttons, to)
  to.focus()
}

function swatch(colour, dash, width, isFaint = false, hasMarks = false) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 34 12")
  svg.setAttribute("aria-hidden", "true")
  svg.innerHTML =
    `<path d="M1 6H33" stroke="${colour}" stroke-width="${width}" opacity="${isFaint ? 0.55 : 1}" stroke-dasharray="${dash.join(" ")}"/>` +
    (hasMarks ? `<circle cx="17" cy="6" r="4.5" fill="var(--st-background-color)" stroke="${colour}" stroke-width="2"/>` : "")
  return svg
}

function schedule(chart) {
  if (chart.scheduled) return
  chart.scheduled = true
  requestAnimationFrame(() => {
    chart.scheduled = false
    // A chart that was mounted between two updates has nothing to draw until it has all points.
    const isReady = chart.kept.held.shape && chart.root.isConnected && chart.area.clientWidth
    // Nothing is drawn anew under the pointer while it selects a part.
    if (isReady && !chart.from) draw(chart)
  })
}

// The lines of a panel with their points, without those that are hidden because another is shown alone.
function shownLines({ kept }, panel) {
  const { shape, lines } = kept.held
  return shape.lines.flatMap((line) =>
    line.panel === panel && (kept.alone === null || kept.alone === line.group) ? [{ ...line, ...lines.get(line.id) }] : [],
  )
}

function sizeOf({ plots }) {
  return plots.map((plot) => `${plot.clientWidth} x ${plot.clientHeight}`).join()
}

function draw(chart) {
  const { root, kept, plots } = chart
  const { shape } = kept.held
  const read = (name) => getComputedStyle(root).getPropertyValue(`--st-${name}`).trim()
  const style = { text: read("text-color"), paper: read("background-color"), grid: read("border-color"), font: read("font") || "sans-serif" }
  style.scale = Number(getComputedStyle(root).getPropertyValue("--lab-type-scale")) || 1
  const entries = shape.entries.filter((entry) => kept.alone === null || entry.group === kept.alone)
  chart.size = sizeOf(chart)
  plots.forEach((plot, i) => {
    const { title, metric, log, least_error: leastError } = shape.panels[i]
    const [x, y] = [kept.ends.x, kept.ends.y[i]]
    const axes = {
      x: { ends: kept.zoom.x ?? x, whole: x, log: shape.x.log },
      y: { ends: kept.zoom[metric] ?? y, whole: y, log, leastError },
    }
    plot.lines = shownLines(chart, i)
    plot.metric = metric
    const canvas = plot.firstChild
    canvas.setAttribute("aria-label", plots.length > 1 ? `${chart.label}: ${metric}` : chart.label)
    const titles = { x: shape.x.title, y: title }
    plot.scales = paint(canvas, plot.clientWidth, plot.clientHeight, { lines: plot.lines, entries, axes, titles, style })
    Object.assign(plot.dataset, { metric, log: shape.x.log, x: JSON.stringify(plot.scales.x.ends), y: JSON.stringify(plot.scales.y.ends) })
  })
  chart.whole.parentElement.style.visibility = "visible"
  chart.whole.style.visibility = Object.keys(kept.zoom).length ? "visible" : "hidden"
  const measured = shape.lines.some(({ id }) => kept.held.lines.get(id).x.length)
  chart.note.textContent = measured ? "" : chart.empty
  if (chart.cross) cross(chart, chart.cross)
  if (kept.table) drawTable(chart)
  Object.assign(root.dataset, {
    status: measured ? "ready" : "empty",
    lines: plots.reduce((sum, plot) => sum + plot.lines.length, 0),
    points: chart.message.points,
    lastStep: chart.message.last_step,
    redraws: (chart.redraws += 1),
    // Milliseconds since 1970, for tests.
    updatedAt: (performance.timeOrigin + performance.now()).toFixed(1),
  })
}

// Lowest, highest and last value of each line. Thinning keeps extremes, so these are those of all points.
function drawTable(chart) {
  const { kept, values } = chart
  chart["as-table"].setAttribute("aria-expanded", String(Boolean(kept.table)))
  values.hidden = !kept.table
  const { shape } = kept.held
  if (!kept.table || !shape) return
  const labels = new Map(shape.entries.map((entry) => [entry.group, entry.label]))
  const rows = chart.plots.flatMap((plot) =>
    plot.lines
      .filter((line) => line.role === "curve" && line.x.length)
      .map((line) => {
        const at = (i) => [written(plot.metric, line.y[i]), readOff(shape.x, line.x[i])]
        const lowest = line.y.reduce((best, value, i) => (value < line.y[best] ? i : best), 0)
        const highest = line.y.reduce((best, value, i) => (value > line.y[best] ? i : best), 0)
        return [labels.get(line.group), line.kind, ...at(line.x.length - 1), ...at(lowest), ...at(highest)]
      }),
  )
  const table = document.createElement("table")
  const heads = ["Name", "Curve", "Last", "at", "Lowest", "at", "Highest", "at"]
  const head = table.createTHead().insertRow()
  for (const text of heads) head.append(Object.assign(document.createElement("th"), { textContent: text, scope: "col" }))
  const body = table.createTBody()
  for (const [name, ...cells] of rows) {
    const row = body.insertRow()
    row.append(Object.assign(document.createElement("th"), { textContent: name, scope: "row" }))
    for (const text of cells) row.insertCell().textContent = text
  }
  values.replaceChildren(table)
}

function positionOf(plot, event) {
  const { left, top } = plot.getBoundingClientRect()
  return [event.clientX - left, event.clientY - top]
}

function cross(chart, to) {
  chart.cross = showCross(chart, to)
}

function point(chart, panel, event) {
  const plot = chart.plots[panel]
  if (plot.scales) cross(chart, { panel, pointer: positionOf(plot, event) })
}

function press(chart, plot, event) {
  // A finger scrolls the page instead of zooming.
  if (event.pointerType !== "mouse" || event.button !== 0) return
  chart.from = positionOf(plot, event)
  plot.setPointerCapture(event.pointerId)
  cross(chart, null)
}

function stretch(chart, plot, event) {
  const to = positionOf(plot, event)
  const [left, top] = [0, 1].map((side) => Math.min(chart.from[side], to[side]))
  const [width, height] = [0, 1].map((side) => Math.abs(chart.from[side] - to[side]))
  const frame = plot.querySelector(".frame")
  frame.hidden = Math.max(width, height) < SHORT
  Object.assign(frame.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` })
}

function letGo(chart, plot) {
  chart.from = null
  plot.querySelector(".frame").hidden = true
  schedule(chart)
}

function release(chart, plot, panel, event) {
  const [from, to] = [chart.from, positionOf(plot, event)]
  letGo(chart, plot)
  const { x, y } = plot.scales
  const across = [from[0], to[0]].sort((a, b) => a - b).map(x.back)
  const up = [from[1], to[1]].sort((a, b) => b - a).map(y.back)
  const [wide, high] = [0, 1].map((side) => Math.abs(from[side] - to[side]) >= SHORT)
  if (!wide && !high) return
  const zoom = { ...chart.kept.zoom }
  if (wide) zoom.x = across
  if (high) zoom[plot.metric] = up
  zoomTo(chart, zoom)
}

function zoomTo(chart, zoom) {
  chart.kept.zoom = zoom
  cross(chart, null)
  schedule(chart)
  if (chart.live) sendViewIfChanged(chart)
}

// Python sends more points of the visible part.
function sendViewIfChanged(chart) {
  const range = chart.kept.zoom.x
  const view = range ? { x: chart.kept.across, range } : null
  if (JSON.stringify(view) === chart.sentView) return
  chart.sentView = JSON.stringify(view)
  chart.sendView(view)
}

// Arrow keys move along the nearest line and from line to line, + and - zoom, 0 and Escape show everything.
function key(chart, panel, event) {
  const plot = chart.plots[panel]
  if (!plot.scales || event.ctrlKey || event.metaKey || event.altKey) return
  const { x, box } = plot.scales
  const at = chart.cross?.panel === panel ? chart.cross : { panel, pointer: [(box.left + box.right) / 2, (box.top + box.bottom) / 2] }
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  if (event.key in moves) cross(chart, { ...at, move: moves[event.key] })
  else if (event.key === "+" || event.key === "-") {
    const middle = at.pointer[0]
    const reach = (box.right - box.left) * (event.key === "+" ? 0.25 : 1)
    const ends = [middle - reach, middle + reach].map(x.back)
    const [low, high] = chart.kept.ends.x
    const range = [Math.max(low, ends[0]), Math.min(high, ends[1])]
    const { x: before, ...others } = chart.kept.zoom
    zoomTo(chart, range[0] > low || range[1] < high ? { ...others, x: range } : others)
  } else if (event.key === "0" || event.key === "Escape") zoomTo(chart, {})
  else return
  event.preventDefault()
  event.stopPropagation()
}
