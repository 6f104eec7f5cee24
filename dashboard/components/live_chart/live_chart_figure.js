// The figure for plotly.js: two panels, up to three curves for each run in each.
// Below this width in pixels, the panels stand one above the other.
const NARROW = 720
// Font size in pixels, large enough to be read from the back of a room.
const FONT = 15
const X_TITLES = { step: "step", epoch: "epoch", seconds: "training time (s)" }
const PANELS = [
  { name: "loss", title: "loss (cross-entropy)", axes: { xaxis: "x", yaxis: "y" }, factor: 1, format: "%{y:.4g}" },
  { name: "accuracy", title: "accuracy (%)", axes: { xaxis: "x2", yaxis: "y2" }, factor: 100, format: "%{y:.2f} %" },
]
const MARKERS = { solid: "circle", dash: "square", dot: "diamond", dashdot: "triangle-up" }

/** Traces, layout and configuration for `Plotly.react`, from the chart's runs, options and zoom. */
export function figure(chart, theme) {
  const { runs, hidden } = chart.kept
  const visible = [...runs].filter(([id]) => !hidden.has(id)).map(([, run]) => run)
  const traces = visible.flatMap((run) => PANELS.flatMap((panel) => curves(run, panel, chart, theme)))
  if (!traces.length) traces.push({ x: [], y: [] }, { x: [], y: [], xaxis: "x2", yaxis: "y2" })
  return { traces, layout: layout(chart, traces, theme), config: CONFIG }
}

function curves(run, panel, chart, theme) {
  const { smoothing, x: quantity } = chart.options
  const base = { ...panel.axes, type: "scatter", name: plain(run.name), showlegend: false }

  const trace = ({ step, seconds, value }, label, style) => {
    const epoch = step.map((count) => count / run.perEpoch)
    return {
      ...base,
      x: { step, epoch, seconds }[quantity],
      y: value.map((height) => height * panel.factor),
      customdata: step.map((count, i) => [count, epoch[i], seconds[i]]),
      hovertemplate:
        `<b>%{fullData.name}</b><br>${label} ${panel.format}<br>` +
        "step %{customdata[0]:,} · epoch %{customdata[1]:.2f} · %{customdata[2]:.1f} s<extra></extra>",
      hoverlabel: { bordercolor: run.colour },
      ...style,
    }
  }

  const curve = (name) => run.curves[`${name}_${panel.name}`] ?? { step: [], seconds: [], value: [] }
  const trained = panel.name === "loss" && run.more ? `training loss ${run.more}` : `training ${panel.name}`
  const line = { color: run.colour, dash: run.dash, width: 2.5 }
  const traces = []
  if (smoothing > 0) {
    const faint = { mode: "lines", line: { color: run.colour, width: 1 }, opacity: 0.32 }
    traces.push(trace(curve("train"), trained, faint))
    traces.push(trace(curve("smoothed"), `${trained}, smoothed`, { mode: "lines", line }))
  } else {
    traces.push(trace(curve("train"), trained, { mode: "lines", line: { ...line, width: 2 } }))
  }
  const marker = { color: theme.paper, size: 8, symbol: MARKERS[run.dash], line: { color: run.colour, width: 2.5 } }
  const perEpoch = { mode: "lines+markers", line: { color: run.colour, dash: run.kindDash, width: 2 }, marker }
  traces.push(trace(curve("validation"), `${run.kind} ${panel.name}`, perEpoch))
  if (run.diverged && panel.name === "loss") {
    const { step, seconds, value } = run.diverged
    const last = trace({ step: [step], seconds: [seconds], value: [value] }, "", {
      mode: "markers",
      marker: { symbol: "x", size: 13, color: run.colour },
    })
    last.hovertemplate = "<b>%{fullData.name}</b><br>diverged: from here on the loss is not a number<extra></extra>"
    traces.push(last)
  }
  return traces
}

function layout(chart, traces, theme) {
  const { log_x, log_y, x, height } = chart.options
  const narrow = chart.width < NARROW
  const margin = { l: narrow ? 60 : 74, r: 14, t: 34, b: 58 }
  // The gap has room for the axis of the right panel.
  const gap = narrow ? 0 : 92 / (chart.width - margin.l - margin.r)
  const split = narrow ? 0.11 : 0
  const axis = (name, type, title) => {
    const zoom = chart.kept.view[name]?.map((end) => (type === "log" ? Math.log10(Math.max(end, 1e-12)) : end))
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
      ...(type === "log" ? { tickformat: ",~r", dtick: logTicks(chart.kept.view[name] ?? extent(traces, name[0]), narrow) } : {}),
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
    // A finger scrolls the page instead of zooming.
    dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.text, activecolor: theme.text, orientation: "h" },
    xaxis: { ...axis("xaxis", kind, X_TITLES[x]), rangemode: "tozero", domain: [0, narrow ? 1 : (1 - gap) / 2], anchor: "y" },
    xaxis2: { ...axis("xaxis", kind, X_TITLES[x]), domain: [narrow ? 0 : (1 + gap) / 2, 1], anchor: "y2", matches: "x" },
    yaxis: { ...axis("yaxis", log_y ? "log" : "linear", PANELS[0].title), domain: [narrow ? 0.5 + split : 0, 1] },
    yaxis2: { ...axis("yaxis2", "linear", PANELS[1].title), domain: [0, narrow ? 0.5 - split / 2 : 1], anchor: "x2" },
  }
}

// Labels at every digit, at 1, 2 and 5, or at powers of ten: as many as fit.
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

// plotly.js interprets some HTML in texts, and the name of a run may hold any sign.
function plain(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
}
