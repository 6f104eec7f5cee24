// The live chart in the browser: stores the curves that it was sent, and draws loss and accuracy with plotly.js.
import { accept, emptyRun } from "./curves.js"
import { keptFor } from "../kept.js"
import { figure } from "./live_chart_figure.js"
import { afterRun } from "../page_run.js"

// Milliseconds before missing points are requested again.
const REQUEST_AGAIN = 3000
// Milliseconds after which plotly.js knows whether a click was a double click.
const SETTLE = 350

// Charts by their parentElement: Streamlit calls the default export again at every update.
const charts = new WeakMap()

export default function liveChart({ parentElement, data, setTriggerValue, setStateValue }) {
  const chart = charts.get(parentElement) ?? mount(parentElement, data)
  const { kept } = chart
  chart.requestAll = () => setTriggerValue("resync", Date.now())
  chart.sendView = (view) => setStateValue("view", view)
  if (kept.x !== data.options.x) delete kept.view.xaxis
  kept.x = data.options.x
  chart.options = data.options
  receive(chart, data.runs)
  // A chart that was mounted again may be zoomed into a part that Python does not know of yet.
  afterRun(() => chart.root.isConnected && sendViewIfChanged(chart))
  // Streamlit also calls this when the next update has replaced this one, although the chart is still on the page.
  return () => setTimeout(() => chart.root.isConnected || unmount(chart, parentElement))
}

function mount(parentElement, { key, plotly, view }) {
  const style = document.createElement("link")
  style.rel = "stylesheet"
  style.href = new URL("./live_chart.css", import.meta.url).href
  const root = document.createElement("div")
  root.className = "live-chart"
  root.innerHTML =
    '<div class="plot" role="img" aria-label="Learning curves: loss and accuracy"></div>' +
    '<div class="note" role="status"></div><div class="legend"></div>'
  parentElement.append(style, root)

  const kept = keptFor(key)
  kept.view ??= {}
  kept.hidden ??= new Set()
  kept.runs ??= new Map()
  const chart = { root, kept, requestedAt: -REQUEST_AGAIN, redraws: 0, sentView: JSON.stringify(view) }
  for (const part of ["plot", "note", "legend"]) chart[part] = root.querySelector(`.${part}`)
  chart.press = () => (chart.dragging = true)
  chart.release = () => {
    if (!chart.dragging) return
    clearTimeout(chart.settling)
    chart.settling = setTimeout(() => {
      chart.dragging = false
      schedule(chart)
    }, SETTLE)
  }
  chart.catchUp = () => requestMissing(chart)
  chart.plot.addEventListener("pointerdown", chart.press, true)
  window.addEventListener("pointerup", chart.release, true)
  window.addEventListener("pointercancel", chart.release, true)
  document.addEventListener("visibilitychange", chart.catchUp)
  chart.observer = new ResizeObserver(() => chart.width !== root.clientWidth && schedule(chart))
  chart.observer.observe(root)
  charts.set(parentElement, chart)
  load(chart, plotly)
  return chart
}

function unmount(chart, parentElement) {
  charts.delete(parentElement)
  chart.observer.disconnect()
  window.removeEventListener("pointerup", chart.release, true)
  window.removeEventListener("pointercancel", chart.release, true)
  document.removeEventListener("visibilitychange", chart.catchUp)
  chart.Plotly?.purge(chart.plot)
}

// Loads plotly.js once for all charts of the page. Also called before there is a chart, so that it need not wait.
export function fetchPlotly(url) {
  window.mnistLabPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = url
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("not plotly.js")))
    script.onerror = reject
    document.head.append(script)
  })
  return window.mnistLabPlotly
}

function load(chart, url) {
  showStatus(chart, "loading", "Loading the chart …")
  fetchPlotly(url).then(
    (Plotly) => {
      chart.Plotly = Plotly
      schedule(chart)
    },
    () => {
      window.mnistLabPlotly = undefined
      showStatus(chart, "failed", `The chart library did not load (${url}). Training is not affected. `)
      const again = document.createElement("button")
      again.textContent = "Try again"
      again.onclick = () => load(chart, url)
      chart.note.append(again)
    },
  )
}

function showStatus(chart, status, text) {
  if (chart.root.dataset.status === status && chart.note.textContent === text) return
  chart.root.dataset.status = status
  chart.note.textContent = text
}

function receive(chart, messages) {
  const { runs } = chart.kept
  const shown = new Set(messages.map((message) => message.id))
  for (const id of [...runs.keys()]) if (!shown.has(id)) runs.delete(id)
  for (const message of messages) {
    const run = runs.get(message.id) ?? emptyRun()
    runs.set(message.id, run)
    run.missing = !accept(run, message)
    const { name, colour, dash, diverged, points } = message
    Object.assign(run, { name, colour, dash, diverged, points, perEpoch: message.per_epoch, lastStep: message.last_step })
    Object.assign(run, { kind: message.kind, kindDash: message.kind_dash, more: message.more })
  }
  requestMissing(chart)
  schedule(chart)
}

// A hidden tab always loses updates; it catches up once, when it becomes visible again.
function requestMissing(chart) {
  const missing = [...chart.kept.runs.values()].some((run) => run.missing)
  if (!missing || document.hidden || performance.now() - chart.requestedAt < REQUEST_AGAIN) return
  chart.requestedAt = performance.now()
  afterRun(() => chart.root.isConnected && chart.requestAll())
}

function schedule(chart) {
  if (chart.scheduled || !chart.Plotly) return
  chart.scheduled = true
  requestAnimationFrame(async () => {
    chart.scheduled = false
    if (chart.dragging || !chart.root.isConnected || !chart.root.clientWidth) return
    await draw(chart)
  })
}

async function draw(chart) {
  const { root, plot, Plotly, kept } = chart
  const runs = [...kept.runs.values()].filter((run) => run.to)
  const points = runs.reduce((sum, run) => sum + run.points, 0)
  chart.width = root.clientWidth
  // The person may have zoomed a moment ago, before the event of plotly.js.
  if (chart.drawnX === kept.x) rememberView(chart)
  chart.drawnX = kept.x
  const { traces, layout, config } = figure(chart, theme(root))
  await Plotly.react(plot, traces, layout, config)
  if (!chart.listening) {
    chart.listening = true
    plot.on("plotly_relayout", () => {
      rememberView(chart)
      sendViewIfChanged(chart)
    })
  }
  drawLegend(chart)
  if (!kept.runs.size) showStatus(chart, "empty", "No run is selected.")
  else if (!points) showStatus(chart, "empty", "Waiting for the first measurements …")
  else showStatus(chart, "ready", "")
  Object.assign(root.dataset, {
    points,
    lastStep: Math.max(0, ...runs.map((run) => run.lastStep)),
    redraws: (chart.redraws += 1),
    // Milliseconds since 1970, for tests.
    updatedAt: (performance.timeOrigin + performance.now()).toFixed(1),
  })
}

// The zoom is stored in data units, so that new points, smoothing, log axes and the theme do not change it.
function rememberView({ plot, kept }) {
  for (const name of ["xaxis", "yaxis", "yaxis2"]) {
    const axis = plot.layout[name]
    if (axis.autorange !== false || !axis.range) delete kept.view[name]
    else kept.view[name] = axis.range.map((end) => (axis.type === "log" ? 10 ** end : end))
  }
}

// Python sends more points of the visible part.
function sendViewIfChanged(chart) {
  const range = chart.kept.view.xaxis
  const view = range ? { x: chart.kept.x, range } : null
  if (JSON.stringify(view) === chart.sentView) return
  chart.sentView = JSON.stringify(view)
  chart.sendView(view)
}

function theme(root) {
  const style = getComputedStyle(root)
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim()
  return { text: read("text-color"), paper: read("background-color"), line: read("border-color"), font: read("font") }
}

function drawLegend(chart) {
  const { runs, hidden } = chart.kept
  const smoothed = chart.options.smoothing > 0
  const shape = JSON.stringify([smoothed, [...runs].map(([id, { name, colour, dash, kind }]) => [id, name, colour, dash, kind])])
  if (chart.legend.dataset.shape !== shape) {
    chart.legend.dataset.shape = shape
    const key = document.createElement("span")
    key.className = "key"
    key.append(...entry("training", "currentColor", "solid"))
    if (smoothed) key.append(...entry("as measured", "currentColor", "solid", { faint: true }))
    // The kinds of curves that have a point after each epoch.
    const kinds = new Map([...runs.values()].map((run) => [run.kind, run.kindDash]))
    if (!kinds.size) kinds.set("validation", "dash")
    for (const [kind, dash] of kinds) key.append(...entry(kind, "currentColor", dash, { marker: true }))
    const focused = chart.root.getRootNode().activeElement?.dataset?.run
    chart.legend.replaceChildren(...[...runs].map(([id, run]) => runButton(chart, id, run)), key)
    if (focused) [...chart.legend.children].find((button) => button.dataset.run === focused)?.focus()
  }
  for (const button of chart.legend.querySelectorAll(".run")) {
    button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.run)))
  }
}

function runButton(chart, id, run) {
  const { hidden } = chart.kept
  const button = document.createElement("button")
  button.className = "run"
  button.dataset.run = id
  button.title = "Show or hide this run"
  button.append(swatch(run.colour, run.dash), run.name)
  button.onclick = () => {
    hidden[hidden.has(id) ? "delete" : "add"](id)
    schedule(chart)
  }
  return button
}

function entry(text, colour, dash, options) {
  const label = document.createElement("span")
  label.append(swatch(colour, dash, options), text)
  return [label]
}

const DASHES = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" }

function swatch(colour, dash, { faint = false, marker = false } = {}) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 30 12")
  svg.setAttribute("aria-hidden", "true")
  svg.style.color = colour
  svg.innerHTML =
    `<path d="M1 6H29" stroke="currentColor" stroke-width="${faint ? 1.2 : 3}" opacity="${faint ? 0.55 : 1}" ` +
    `stroke-dasharray="${DASHES[dash] ?? ""}"/>` +
    (marker ? '<circle cx="15" cy="6" r="4.5" fill="currentColor"/>' : "")
  return svg
}
