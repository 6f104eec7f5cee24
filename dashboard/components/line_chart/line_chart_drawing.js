// Draws axes with their ticks, lines, bands and crosses on a canvas. Independent of the page around it.

export const MARGIN = { left: 84, right: 14, top: 8, bottom: 72 }
export const DASHES = { solid: [], dash: [9, 7], dot: [3, 5], dashdot: [9, 4, 3, 4] }
const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array }

/** Draw the lines on a canvas of `width` by `height` pixels; returns the scales from values to pixels. */
export function paint(canvas, width, height, { all, lines, layout, zoom, style }) {
  const ratio = window.devicePixelRatio || 1
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) })
  const box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom }
  const scales = { x: scale("x", all, layout, zoom, box), y: scale("y", all, layout, zoom, box) }
  const ink = canvas.getContext("2d")
  ink.scale(ratio, ratio)
  drawAxes(ink, box, scales, layout, style)
  ink.save()
  ink.beginPath()
  ink.rect(box.left, box.top, box.right - box.left, box.bottom - box.top)
  ink.clip()
  for (const line of lines) drawLine(ink, line, scales)
  ink.restore()
  for (const line of lines) if (line.mode === "markers") drawCrosses(ink, line, scales)
  return scales
}

// Arrays arrive as plotly packs them: base64 of numbers of one kind.
export function numbers(packed) {
  if (!packed?.bdata) return packed
  const letters = atob(packed.bdata)
  const bytes = new Uint8Array(letters.length)
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i)
  return new ARRAYS[packed.dtype](bytes.buffer)
}

/** The scale of one axis: `to(value)` gives pixels, `back(pixel)` a value; `ends` are in the units of the axis. */
function scale(letter, all, layout, zoom, box) {
  const axis = layout[`${letter}axis`]
  const log = axis.type === "log"
  const ends = zoom[letter] ?? axis.range ?? extent(all, letter, axis.rangemode === "tozero")
  const [first, last] = letter === "x" ? [box.left, box.right] : [box.bottom, box.top]
  const factor = (last - first) / (ends[1] - ends[0] || 1)
  const to = log ? (value) => first + (Math.log10(value) - ends[0]) * factor : (value) => first + (value - ends[0]) * factor
  const asErrors = letter === "y" && Boolean(layout.meta?.accuracy_as_errors)
  return { axis, log, asErrors, ends, to, back: (pixel) => ends[0] + (pixel - first) / factor }
}

function extent(lines, letter, fromZero) {
  let [low, high] = [Infinity, -Infinity]
  for (const line of lines) {
    for (const value of line[letter]) {
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  if (low > high) return [0, 1]
  const room = letter === "y" ? 0.05 * (high - low || 1) : 0
  return fromZero ? [0, high + room] : [low - room, high + room]
}

function ticks({ axis, log, asErrors, ends, to }, most, apart) {
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  if (axis.tickmode === "array") {
    const onAxis = log ? Math.log10 : (value) => value
    const labelled = axis.tickvals.map((value, i) => [value, axis.ticktext[i]])
    const inside = labelled.filter(([value]) => onAxis(value) >= low && onAxis(value) <= high)
    // Labels at every digit, at 1 and 5, or at 1 only, whichever has room.
    const digits = asErrors ? [/./] : [/./, /^0*\.?0*[15]/, /^0*\.?0*1/]
    const sets = digits.map((leading) => inside.filter(([, text]) => leading.test(text)))
    const few = sets.find((set) => set.length <= most) ?? spread(sets.at(-1), to, apart)
    if (few.length > 1) return few
  }
  const [from, until] = log ? [10 ** low, 10 ** high] : [low, high]
  const power = 10 ** Math.floor(Math.log10((until - from) / most))
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => (until - from) / size <= most)
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const labelled = []
  for (let i = Math.ceil(from / step - 1e-9); i * step <= until + 1e-9 * step; i += 1) {
    // Adding 0 turns -0 into 0.
    const value = i * step + 0
    if (!log || value > 0) labelled.push([value, grouped(asErrors ? 100 - value : value, digits)])
  }
  return labelled
}

// As many of the ticks as fit without running into one another.
function spread(labelled, to, apart) {
  let last = Infinity
  return labelled.filter(([value]) => {
    const fits = Math.abs(to(value) - last) >= apart
    if (fits) last = to(value)
    return fits
  })
}

function grouped(value, digits) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function drawAxes(ink, box, scales, layout, { text, font }) {
  ink.fillStyle = text
  ink.strokeStyle = layout.xaxis.gridcolor
  ink.lineWidth = 1
  ink.font = `16px ${font}`
  ink.textAlign = "center"
  ink.textBaseline = "top"
  ink.beginPath()
  for (const [value, label] of ticks(scales.x, (box.right - box.left) / 90, 60)) {
    const x = Math.round(scales.x.to(value)) + 0.5
    ink.moveTo(x, box.top)
    ink.lineTo(x, box.bottom)
    const half = ink.measureText(label).width / 2
    ink.fillText(label, Math.min(x, box.right + MARGIN.right - half), box.bottom + 9)
  }
  ink.textAlign = "right"
  ink.textBaseline = "middle"
  for (const [value, label] of ticks(scales.y, (box.bottom - box.top) / 36, 26)) {
    const y = Math.round(scales.y.to(value)) + 0.5
    ink.moveTo(box.left, y)
    ink.lineTo(box.right, y)
    ink.fillText(label, box.left - 9, y)
  }
  ink.stroke()
  ink.font = `19px ${font}`
  ink.textAlign = "center"
  ink.textBaseline = "bottom"
  ink.fillText(layout.xaxis.title.text, (box.left + box.right) / 2, box.bottom + MARGIN.bottom - 6)
  ink.save()
  ink.translate(4, (box.top + box.bottom) / 2)
  ink.rotate(-Math.PI / 2)
  ink.textBaseline = "top"
  ink.fillText(layout.yaxis.title.text, 0, 0)
  ink.restore()
}

function drawLine(ink, { x, y, line, fill, fillcolor, opacity, mode }, scales) {
  if (mode === "markers") return
  ink.globalAlpha = opacity ?? 1
  ink.setLineDash(DASHES[line.dash] ?? [])
  Object.assign(ink, { strokeStyle: line.color, lineWidth: line.width, lineJoin: "round" })
  ink.beginPath()
  for (let i = 0; i < x.length; i += 1) ink.lineTo(scales.x.to(x[i]), scales.y.to(y[i]))
  if (fill) {
    ink.fillStyle = fillcolor
    ink.fill()
  } else ink.stroke()
  ink.globalAlpha = 1
  ink.setLineDash([])
}

function drawCrosses(ink, { x, y, marker }, scales) {
  Object.assign(ink, { strokeStyle: marker.color, lineWidth: 4 })
  const half = marker.size / 2
  for (let i = 0; i < x.length; i += 1) {
    const [across, up] = [scales.x.to(x[i]), scales.y.to(y[i])]
    ink.beginPath()
    ink.moveTo(across - half, up - half)
    ink.lineTo(across + half, up + half)
    ink.moveTo(across - half, up + half)
    ink.lineTo(across + half, up - half)
    ink.stroke()
  }
}

/** Index of the point of a line that is nearest to a horizontal pixel position; x must not decrease. */
export function nearest({ x }, across, scales) {
  let [low, high] = [0, x.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (scales.x.to(x[middle]) < across) low = middle + 1
    else high = middle
  }
  return low > 0 && across - scales.x.to(x[low - 1]) < Math.abs(scales.x.to(x[low]) - across) ? low - 1 : low
}

/** Pixels from the pointer to the segment between two points of a line; to the first point if there is no other. */
export function distance({ x, y }, first, other, [across, up], scales) {
  const [x0, y0] = [scales.x.to(x[first]), scales.y.to(y[first])]
  if (other < 0 || other >= x.length) return Math.hypot(across - x0, up - y0)
  const [dx, dy] = [scales.x.to(x[other]) - x0, scales.y.to(y[other]) - y0]
  const share = Math.max(0, Math.min(1, ((across - x0) * dx + (up - y0) * dy) / (dx * dx + dy * dy || 1)))
  return Math.hypot(across - x0 - share * dx, up - y0 - share * dy)
}

/** A number in a format of d3-format, as far as hover texts use it: an optional comma, digits, ~, and f or g. */
export function written(value, form) {
  const [, comma, digits, kind] = /^(,?)\.(\d+)~?([fg])$/.exec(form ?? "") ?? []
  if (!kind) return String(value)
  const count = Number(digits)
  const options = kind === "g" ? { maximumSignificantDigits: count } : { minimumFractionDigits: count, maximumFractionDigits: count }
  return value.toLocaleString("en-US", { ...options, useGrouping: Boolean(comma) })
}
