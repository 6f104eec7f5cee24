// Many lines on one canvas, drawn in a few milliseconds from the traces, axes and legend of a plotly figure.

import { keptFor } from "../kept.js"
import { DASHES, MARGIN, distance, nearest, numbers, paint, written } from "./line_chart_drawing.js"

// Charts by their parentElement: Streamlit calls the default export again at every update.
const charts = new WeakMap()
// The pointer selects a line within this distance in pixels.
const NEAR = 24

export default function lineChart({ parentElement, data }) {
  const chart = charts.get(parentElement) ?? mount(parentElement, data.key)
  if (chart.source !== data.figure) read(chart, data)
  draw(chart)
  return () => setTimeout(() => chart.root.isConnected || unmount(chart, parentElement))
}

function mount(parentElement, key) {
  const root = parentElement.querySelector(".line-chart")
  const kept = keptFor(key)
  kept.zoom ??= {}
  kept.alone ??= null
  const chart = { root, kept }
  for (const part of ["legend", "plot", "key", "whole", "frame", "dot", "tip"]) chart[part] = root.querySelector(`.${part}`)
  chart.canvas = root.querySelector("canvas")
  chart.observer = new ResizeObserver(() => chart.width !== chart.plot.clientWidth && schedule(chart))
  chart.observer.observe(chart.plot)
  chart.plot.onpointerdown = (event) => press(chart, event)
  chart.plot.onpointermove = (event) => (chart.from ? stretch(chart, event) : point(chart, event))
  chart.plot.onpointerup = (event) => {
    if (chart.from) release(chart, event)
  }
  chart.plot.onpointerleave = () => showTip(chart, null)
  chart.plot.ondblclick = chart.whole.onclick = () => zoomTo(chart, {})
  charts.set(parentElement, chart)
  return chart
}

function unmount(chart, parentElement) {
  charts.delete(parentElement)
  chart.observer.disconnect()
}

function read(chart, { figure, label, height }) {
  const { data, layout } = JSON.parse(figure)
  chart.source = figure
  chart.layout = layout
  chart.lines = data.filter((trace) => trace.legend !== "legend2")
  for (const line of chart.lines) {
    for (const name of ["x", "y", "customdata"]) line[name] = numbers(line[name])
  }
  const { kept } = chart
  if (kept.view !== layout.uirevision) kept.zoom = {}
  kept.view = layout.uirevision
  chart.whole.hidden = !kept.zoom.x
  chart.plot.style.height = `${height}px`
  chart.canvas.setAttribute("aria-label", label)
  drawLegend(chart, data)
}

function drawLegend(chart, data) {
  const named = chart.lines.filter((line) => line.showlegend)
  if (!named.some((line) => line.legendgroup === chart.kept.alone)) chart.kept.alone = null
  chart.legend.replaceChildren(
    ...named.map((line) => {
      const button = document.createElement("button")
      button.dataset.group = line.legendgroup
      button.title = `${plain(line.meta ?? line.name)}: show this line alone, or all again`
      button.append(swatch(line), document.createElement("span"))
      button.lastChild.textContent = plain(line.meta ?? line.name)
      button.onclick = () => isolate(chart, line.legendgroup === chart.kept.alone ? null : line.legendgroup)
      return button
    }),
  )
  const key = data.filter((trace) => trace.legend === "legend2")
  chart.key.replaceChildren(
    ...key.map((trace) => {
      const entry = document.createElement("div")
      entry.append(swatch(trace), plain(trace.name))
      return entry
    }),
  )
  const above = chart.layout.legend2?.y === 1
  Object.assign(chart.key.style, { top: above ? "14px" : "auto", bottom: above ? "auto" : `${MARGIN.bottom + 8}px` })
  mark(chart)
}

function isolate(chart, group) {
  chart.kept.alone = group
  mark(chart)
  schedule(chart)
}

// Mark in the legend which line is shown alone, if any, and hide the text at the pointer.
function mark(chart) {
  const { alone } = chart.kept
  chart.legend.classList.toggle("isolated", alone !== null)
  for (const button of chart.legend.children) button.setAttribute("aria-pressed", String(button.dataset.group === alone))
  showTip(chart, null)
}

function swatch({ line }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 34 12")
  svg.innerHTML = `<path d="M1 6H33" stroke="${line.color}" stroke-width="3" stroke-dasharray="${(DASHES[line.dash] ?? []).join(" ")}"/>`
  return svg
}

// plotly.js interprets some HTML in texts, so names arrive with these signs escaped.
function plain(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&")
}

function schedule(chart) {
  if (chart.scheduled) return
  chart.scheduled = true
  requestAnimationFrame(() => {
    chart.scheduled = false
    draw(chart)
  })
}

function shown(chart) {
  const { alone } = chart.kept
  return alone === null ? chart.lines : chart.lines.filter((line) => line.legendgroup === alone)
}

function draw(chart) {
  const { canvas, plot, root, layout } = chart
  const { zoom } = chart.kept
  if (!root.isConnected || !plot.clientWidth) return
  const computed = getComputedStyle(root)
  const style = { text: computed.getPropertyValue("--st-text-color"), font: computed.getPropertyValue("--st-font") || "sans-serif" }
  const [all, lines] = [chart.lines, shown(chart)]
  chart.width = plot.clientWidth
  chart.scales = paint(canvas, plot.clientWidth, plot.clientHeight, { all, lines, layout, zoom, style })
  root.dataset.lines = lines.length
}

function positionOf(chart, event) {
  const { left, top } = chart.plot.getBoundingClientRect()
  return [event.clientX - left, event.clientY - top]
}

function point(chart, event) {
  if (!chart.scales) return
  const pointer = positionOf(chart, event)
  let best = null
  for (const line of shown(chart)) {
    if (!line.hovertemplate || !line.x.length) continue
    const at = nearest(line, pointer[0], chart.scales)
    const away = Math.min(...[at - 1, at + 1].map((other) => distance(line, at, other, pointer, chart.scales)))
    if (away < (best?.away ?? NEAR)) best = { line, at, away }
  }
  showTip(chart, best, pointer[0])
}

function showTip(chart, point, across = 0) {
  chart.dot.hidden = chart.tip.hidden = !point
  if (!point) return
  const { line, at } = point
  const values = { x: line.x[at], y: line.y[at], customdata: line.customdata?.[at], meta: plain(line.meta) }
  const [x, y] = [chart.scales.x.to(values.x), chart.scales.y.to(values.y)]
  Object.assign(chart.dot.style, { left: `${x - 5}px`, top: `${y - 5}px`, background: line.line.color ?? line.marker.color })
  const parts = line.hovertemplate.replace("<extra></extra>", "").split("<br>")
  chart.tip.replaceChildren(
    ...parts.map((part) => {
      const row = document.createElement(part.startsWith("<b>") ? "b" : "div")
      row.textContent = part.replace(/<\/?b>/g, "").replace(/%\{(\w+)(?::([^}]*))?\}/g, (_, name, form) => written(values[name], form))
      return row
    }),
  )
  const { clientWidth: width } = chart.plot
  const left = across < width / 2 ? x + 14 : x - 14 - chart.tip.offsetWidth
  chart.tip.style.borderColor = chart.dot.style.background
  chart.tip.style.left = `${Math.max(0, Math.min(left, width - chart.tip.offsetWidth))}px`
  chart.tip.style.top = `${Math.max(0, y - chart.tip.offsetHeight - 8)}px`
}

function press(chart, event) {
  // A finger scrolls the page instead of zooming.
  if (event.pointerType !== "mouse" || event.button !== 0 || event.target === chart.whole) return
  chart.from = positionOf(chart, event)
  chart.plot.setPointerCapture(event.pointerId)
  showTip(chart, null)
}

function stretch(chart, event) {
  const to = positionOf(chart, event)
  const [left, top] = [0, 1].map((side) => Math.min(chart.from[side], to[side]))
  const [width, height] = [0, 1].map((side) => Math.abs(chart.from[side] - to[side]))
  chart.frame.hidden = Math.max(width, height) < 8
  Object.assign(chart.frame.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` })
}

function release(chart, event) {
  const [from, to] = [chart.from, positionOf(chart, event)]
  chart.from = null
  chart.frame.hidden = true
  const { x, y } = chart.scales
  const across = [from[0], to[0]].sort((a, b) => a - b).map(x.back)
  const up = [from[1], to[1]].sort((a, b) => b - a).map(y.back)
  const [wide, high] = [0, 1].map((side) => Math.abs(from[side] - to[side]) >= 8)
  if (wide || high) zoomTo(chart, { x: wide ? across : x.ends, y: high ? up : y.ends })
}

function zoomTo(chart, zoom) {
  chart.kept.zoom = zoom
  chart.whole.hidden = !zoom.x
  schedule(chart)
}
