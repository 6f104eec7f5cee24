// A plotly figure in the browser, updated in place by Plotly.react, so that it does not flicker or lose its zoom.
import { keptFor } from "../kept.js"

// Figures by their parentElement: Streamlit calls the default export again at every update.
const figures = new WeakMap()

export default function liveFigure({ parentElement, data }) {
  const figure = figures.get(parentElement) ?? mount(parentElement, data.key)
  Object.assign(figure, { data, plotlyUrl: data.plotly })
  figure.root.style.minHeight = `${data.height}px`
  figure.plot.setAttribute("aria-label", data.label)
  load(figure)
  // Streamlit also calls this when the next update has replaced this one, although the figure is still on the page.
  return () => setTimeout(() => figure.root.isConnected || unmount(figure, parentElement))
}

function mount(parentElement, key) {
  const root = document.createElement("div")
  root.className = "live-figure"
  root.innerHTML = '<div class="plot" role="img"></div><p role="status"></p>'
  parentElement.append(root)
  const figure = { root, plot: root.querySelector(".plot"), note: root.querySelector("p"), kept: keptFor(key), redraws: 0 }
  figure.observer = new ResizeObserver(() => figure.width !== root.clientWidth && schedule(figure))
  figure.observer.observe(root)
  figures.set(parentElement, figure)
  return figure
}

function unmount(figure, parentElement) {
  figures.delete(parentElement)
  figure.observer.disconnect()
  figure.Plotly?.purge(figure.plot)
}

// Loads plotly.js once for all figures of the page.
function fetchPlotly(url) {
  window.mnistLabPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = url
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("not plotly.js")))
    script.onerror = reject
    document.head.append(script)
  })
  return window.mnistLabPlotly
}

function load(figure) {
  fetchPlotly(figure.plotlyUrl).then(
    (Plotly) => {
      figure.Plotly = Plotly
      figure.note.textContent = ""
      schedule(figure)
    },
    () => {
      window.mnistLabPlotly = undefined
      figure.note.textContent = `The chart library did not load (${figure.plotlyUrl}). Reload the page to try again.`
    },
  )
}

function schedule(figure) {
  if (figure.scheduled || !figure.Plotly) return
  figure.scheduled = true
  requestAnimationFrame(async () => {
    figure.scheduled = false
    const { root, plot, data, Plotly } = figure
    if (!root.isConnected || !root.clientWidth) return
    const { text, paper, line, font } = theme(root)
    const shape = [data.figure, root.clientWidth, text, paper].join("\n")
    if (figure.shape === shape) return
    figure.shape = shape
    figure.width = root.clientWidth
    const { data: traces, layout } = JSON.parse(data.figure)
    Object.assign(layout, { autosize: true, width: root.clientWidth, uirevision: layout.uirevision ?? "same" })
    layout.font = { ...layout.font, color: text, family: font }
    layout.hoverlabel = { ...layout.hoverlabel, bgcolor: paper, bordercolor: line }
    layout.hoverlabel.font = { ...layout.hoverlabel.font, color: text, family: font }
    const { kept } = figure
    if (kept.revision !== layout.uirevision) kept.zoom = {}
    kept.revision = layout.uirevision
    for (const [name, range] of Object.entries(kept.zoom)) layout[name] = { ...layout[name], range, autorange: false }
    await Plotly.react(plot, traces, layout, { displayModeBar: false })
    listen(figure)
    Object.assign(root.dataset, { traces: traces.length, redraws: (figure.redraws += 1) })
  })
}

// The zoom is stored outside the figure, because Streamlit may mount a new figure in its place.
function listen(figure) {
  if (figure.listening) return
  figure.listening = true
  const { plot, kept } = figure
  plot.on("plotly_relayout", (changes) => {
    const axes = new Set(Object.keys(changes).map((name) => /^[xy]axis\d*(?=\.)/.exec(name)?.[0]))
    const original = JSON.parse(figure.data.figure).layout
    for (const name of axes) {
      const { autorange, range } = plot.layout[name] ?? {}
      const whole = autorange !== false || String(range) === String(original[name]?.range)
      if (whole) delete kept.zoom[name]
      else kept.zoom[name] = range
    }
  })
}

function theme(root) {
  const style = getComputedStyle(root)
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim()
  return { text: read("text-color"), paper: read("background-color"), line: read("border-color"), font: read("font") }
}
