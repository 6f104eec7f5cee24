// What plotly.js is to draw: two panels, up to three curves a run in each.
import { smooth, thin } from "./curves.js"

const NARROW = 720 // pixels; below, the panels stand one above the other
const POINTS = 9000 // on screen, over all runs and curves, so that drawing stays quick with many runs
const [FEWEST, MOST] = [120, 700] // points a curve
const FONT = 15 // pixels; to be read from the back of a room
const X_TITLES = { step: "step", epoch: "epoch", seconds: "training time (s)" }
const PANELS = [
  { name: "loss", title: "loss (cross-entropy)", axes: { xaxis: "x", yaxis: "y" }, factor: 1, format: "%{y:.4g}" },
  { name: "accuracy", title: "accuracy (%)", axes: { xaxis: "x2", yaxis: "y2" }, factor: 100, format: "%{y:.2f} %" },
]
const MARKERS = { solid: "circle", dash: "square", dot: "diamond", dashdot: "triangle-up" }

/** Traces, layout and configuration for `Plotly.react`, from the chart's runs, options and zoom. */
export function figure(chart, theme) {
  const visible = [...chart.runs].filter(([id]) => !chart.hidden.has(id)).map(([, run]) => run)
  const limit = Math.max(FEWEST, Math.min(MOST, Math.floor(POINTS / (4 * visible.length || 1))))
  const traces = visible.flatMap((run) => PANELS.flatMap((panel) => curves(run, panel, chart, limit, theme)))
  if (!traces.length) traces.push({ x: [], y: [] }, { x: [], y: [], xaxis: "x2", yaxis: "y2" })
  return { traces, layout: layout(chart, traces, theme), config: CONFIG }
}

function curves(run, panel, chart, limit, theme) {
  const { smoothing, log_x } = chart.options
  const [low, high] = chart.view.xaxis ?? [-Infinity, Infinity]
  const scale = log_x ? Math.log10 : (value) => value
  const base = { ...panel.axes, type: "scatter", name: plain(run.name), showlegend: false }

  const curve = (points, values, label, style) => {
    const all = { step: points.step, seconds: points.seconds, epoch: points.step.map((step) => step / run.perEpoch) }
    const x = all[chart.options.x]
    const kept = thin(x, values, limit, low, high, scale)
    return {
      ...base,
      x: kept.map((i) => x[i]),
      y: kept.map((i) => values[i] * panel.factor),
      customdata: kept.map((i) => [all.step[i], all.epoch[i], all.seconds[i]]),
      hovertemplate:
        `<b>%{fullData.name}</b><br>${label} ${panel.format}<br>` +
        "step %{customdata[0]:,} · epoch %{customdata[1]:.2f} · %{customdata[2]:.1f} s<extra></extra>",
      hoverlabel: { bordercolor: run.colour },
      ...style,
    }
  }

  const { train, validation } = run
  const raw = train[panel.name]
  const line = { color: run.colour, dash: run.dash, width: 2.5 }
  const traces = []
  if (smoothing > 0) {
    const faint = { mode: "lines", line: { color: run.colour, width: 1 }, opacity: 0.32 }
    traces.push(curve(train, raw, `training ${panel.name}`, faint))
    const smoothed = { mode: "lines", line }
    traces.push(curve(train, smooth(raw, smoothing), `training ${panel.name}, smoothed`, smoothed))
  } else {
    traces.push(curve(train, raw, `training ${panel.name}`, { mode: "lines", line: { ...line, width: 2 } }))
  }
  const marker = { color: theme.paper, size: 8, symbol: MARKERS[run.dash], line: { color: run.colour, width: 2.5 } }
  const perEpoch = { mode: "lines+markers", line: { color: run.colour, dash: "dash", width: 2 }, marker }
  traces.push(curve(validation, validation[panel.name], `validation ${panel.name}`, perEpoch))
  const diverged = panel.name === "loss" && train.loss.indexOf(null)
  if (diverged > 0) {
    const last = curve(slice(train, diverged - 1), [raw[diverged - 1]], "", {
      mode: "markers",
      marker: { symbol: "x", size: 13, color: run.colour },
    })
    last.hovertemplate = "<b>%{fullData.name}</b><br>diverged: from here on the loss is no number<extra></extra>"
    traces.push(last)
  }
  return traces
}

function slice(points, i) {
  return Object.fromEntries(Object.entries(points).map(([column, values]) => [column, [values[i]]]))
}

function layout(chart, traces, theme) {
  const { log_x, log_y, x, height } = chart.options
  const narrow = chart.width < NARROW
  const margin = { l: narrow ? 60 : 74, r: 14, t: 34, b: 58 }
  const gap = narrow ? 0 : 92 / (chart.width - margin.l - margin.r) // room for the right panel's axis
  const split = narrow ? 0.11 : 0
  const axis = (name, type, title) => {
    const zoom = chart.view[name]?.map((end) => (type === "log" ? Math.log10(Math.max(end, 1e-12)) : end))
    const range = zoom ? { range: zoom, autorange: false } : { autorange: true }
    return {
      ...range,
      type,
      title: { text: title, standoff: 8, font: { size: FONT } },
      tickfont: { size: FONT - 1 },
      nticks: narrow ? 5 : 8,
      gridcolor: theme.line,
      linecolor: theme.line,
      zeroline: false,
      showline: true,
      exponentformat: "none",
      separatethousands: true,
      ...(type === "log" ? { tickformat: ",~r", dtick: logTicks(chart.view[name] ?? extent(traces, name[0]), narrow) } : {}),
    }
  }
  const kind = log_x ? "log" : "linear"
  return {
    width: chart.width,
    height: narrow ? Math.max(620, height * 1.6) : height,
    margin,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, size: FONT, color: theme.text },
    separators: ".,",
    showlegend: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: theme.paper, font: { family: theme.font, size: FONT, color: theme.text }, align: "left" },
    dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.text, activecolor: theme.text, orientation: "h" },
    xaxis: { ...axis("xaxis", kind, X_TITLES[x]), rangemode: "tozero", domain: [0, narrow ? 1 : (1 - gap) / 2], anchor: "y" },
    xaxis2: { ...axis("xaxis", kind, X_TITLES[x]), domain: [narrow ? 0 : (1 + gap) / 2, 1], anchor: "y2", matches: "x" },
    yaxis: { ...axis("yaxis", log_y ? "log" : "linear", PANELS[0].title), domain: [narrow ? 0.5 + split : 0, 1] },
    yaxis2: { ...axis("yaxis2", "linear", PANELS[1].title), domain: [0, narrow ? 0.5 - split / 2 : 1], anchor: "x2" },
  }
}

// Labels at every digit, at 1, 2 and 5, or at powers of ten: as many as there is room for.
function logTicks([low, high], narrow) {
  const decades = Math.log10(high / low)
  if (decades < 0.6) return "D1"
  return decades < (narrow ? 2 : 4) ? "D2" : 1
}

function extent(traces, letter) {
  const values = traces.filter((trace) => letter === "x" || !trace.yaxis?.endsWith("2")).flatMap((trace) => trace[letter])
  const positive = values.filter((value) => value > 0)
  return positive.length ? [Math.min(...positive), Math.max(...positive)] : [1, 10]
}

const CONFIG = {
  displaylogo: false,
  showTips: false,
  doubleClick: "autosize",
  modeBarButtons: [["zoom2d", "pan2d", "autoScale2d", "toImage"]],
  toImageButtonOptions: { filename: "learning-curves", scale: 2 },
}

// plotly.js reads a little HTML in texts, and a run's name is the person's own.
function plain(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
}
