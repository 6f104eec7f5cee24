// Draws one panel on a canvas: axes with their ticks, areas, lines, marks, and the names at the ends of lines.
import { scaleOf, ticksOf } from "./curve_axes.js"

// Below this width in pixels, axes and names take less room. Lengths of texts are those of usual type; `style.scale` enlarges it.
const NARROW = 520
const NAME_HEIGHT = 19
// Width in pixels of the band around a single point.
const BAR = 8
// Largest share of the width that the names at the ends of lines take.
const NAMES = 0.27
// Markers of a line are at least so many pixels apart.
const MARKS_APART = 14

/**
 * Draw a panel of `width` by `height` pixels; returns its scales, the box that they fill, and the names. `lines` are those to be
 * drawn, with their points; `entries` the names to be written at their ends; `axes` x and y as for `scaleOf`.
 */
export function paint(canvas, width, height, { lines, entries, axes, titles, style }) {
  const ratio = window.devicePixelRatio || 1
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) })
  const ink = canvas.getContext("2d")
  ink.scale(ratio, ratio)
  const narrow = width < NARROW
  const { scale } = style
  const fonts = { tick: `${scale * (narrow ? 14 : 15)}px ${style.font}`, title: `${scale * (narrow ? 15 : 17)}px ${style.font}` }
  const top = 12
  const bottom = height - 54 * scale
  const y = scaleOf(axes.y, bottom, top)
  ink.font = fonts.tick
  const upTicks = ticksOf(y, Math.max(2, (bottom - top) / (40 * scale)))
  const upTitle = linesOf(ink, titles.y, bottom - top + 30, fonts.title)
  const besideTicks = scale * ((narrow ? 30 : 38) + (upTitle.length - 1) * NAME_HEIGHT)
  ink.font = fonts.tick
  const left = Math.ceil(Math.max(...upTicks.map(([, label]) => ink.measureText(label).width), 20)) + besideTicks
  const names = namesOf(ink, entries, lines, width, bottom - top, scale)
  const box = { left, right: width - names.width, top, bottom }
  const scales = { x: scaleOf(axes.x, box.left, box.right), y, box }
  drawAxes(ink, box, scales, upTicks, { x: titles.x, y: upTitle }, { ...style, ...fonts })
  ink.save()
  ink.beginPath()
  ink.rect(box.left, box.top - 2, box.right - box.left, box.bottom - box.top + 3)
  ink.clip()
  for (const line of lines) if (line.role !== "mark") drawLine(ink, line, scales, style)
  ink.restore()
  for (const line of lines) if (line.role === "mark") drawCross(ink, line, scales)
  return { ...scales, titles, style: { ...style, ...fonts }, names: drawNames(ink, names.texts, scales, { ...style, ...fonts }) }
}

// A title in its lines, or one line as two where it is longer than its axis: what is in brackets goes below.
function linesOf(ink, title, length, font) {
  if (title.includes("\n")) return title.split("\n")
  ink.font = font
  const cut = title.indexOf(" (")
  return cut < 0 || ink.measureText(title).width <= length ? [title] : [title.slice(0, cut), title.slice(cut + 1)]
}

function drawAxes(ink, box, scales, upTicks, titles, { text, grid, tick, title, scale }) {
  ink.fillStyle = text
  ink.strokeStyle = grid
  ink.lineWidth = 1
  ink.font = tick
  ink.textAlign = "center"
  ink.textBaseline = "top"
  ink.beginPath()
  // Labels stay inside the canvas and never run into one another.
  let end = -Infinity
  for (const [value, label] of ticksOf(scales.x, Math.max(2, (box.right - box.left) / (84 * scale)))) {
    const x = Math.round(scales.x.to(value)) + 0.5
    ink.moveTo(x, box.top)
    ink.lineTo(x, box.bottom)
    const half = ink.measureText(label).width / 2
    if (x - half < end + 10 * scale) continue
    ink.fillText(label, x, box.bottom + 8)
    end = x + half
  }
  ink.textAlign = "right"
  ink.textBaseline = "middle"
  let above = Infinity
  for (const [value, label] of upTicks.sort(([a], [b]) => a - b)) {
    const y = Math.round(scales.y.to(value)) + 0.5
    ink.moveTo(box.left, y)
    ink.lineTo(box.right, y)
    if (y > above - 18 * scale) continue
    ink.fillText(label, box.left - 8, y)
    above = y
  }
  ink.stroke()
  ink.font = title
  ink.textAlign = "center"
  ink.textBaseline = "bottom"
  ink.fillText(titles.x, (box.left + box.right) / 2, box.bottom + 52 * scale, box.right - 4)
  ink.save()
  ink.translate(2, (box.top + box.bottom) / 2)
  ink.rotate(-Math.PI / 2)
  ink.textBaseline = "top"
  titles.y.forEach((line, i) => ink.fillText(line, 0, i * NAME_HEIGHT * scale, box.bottom - box.top + 30))
  ink.restore()
}

function drawLine(ink, line, { x, y }, style) {
  ink.globalAlpha = line.opacity
  ink.setLineDash(line.dash)
  Object.assign(ink, { strokeStyle: line.colour, fillStyle: line.colour, lineWidth: line.width, lineJoin: "round" })
  ink.beginPath()
  for (let i = 0; i < line.x.length; i += 1) ink.lineTo(x.to(line.x[i]), y.to(line.y[i]))
  if (line.role === "band") ink.fill()
  else ink.stroke()
  // The band around a single point has no width, so it is a bar.
  if (line.role === "band" && line.x.length === 2) {
    Object.assign(ink, { lineWidth: BAR, globalAlpha: Math.min(1, 2 * line.opacity) })
    ink.stroke()
  }
  ink.setLineDash([])
  // A line of one point has no length.
  if (line.symbol || (line.role === "curve" && line.x.length === 1)) drawMarks(ink, line, { x, y }, style)
  ink.globalAlpha = 1
}

function drawMarks(ink, line, { x, y }, style) {
  const few = line.x.length <= 60
  const size = few ? 4.5 : 2.5
  Object.assign(ink, { fillStyle: style.paper, lineWidth: few ? 2.2 : 1.5 })
  let last = -Infinity
  for (let i = 0; i < line.x.length; i += 1) {
    const [across, up] = [x.to(line.x[i]), y.to(line.y[i])]
    if (across - last < MARKS_APART && i < line.x.length - 1) continue
    last = across
    ink.beginPath()
    outline(ink, line.symbol, across, up, size)
    ink.closePath()
    ink.fill()
    ink.stroke()
  }
}

function outline(ink, symbol, x, y, size) {
  if (symbol === "square") ink.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8)
  else if (symbol === "diamond") corners(ink, x, y, [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], size)
  else if (symbol === "triangle-up") corners(ink, x, y, [[0, -1.2], [1.2, 0.9], [-1.2, 0.9]], size)
  else ink.arc(x, y, size, 0, 2 * Math.PI)
}

function corners(ink, x, y, points, size) {
  for (const [across, up] of points) ink.lineTo(x + across * size, y + up * size)
}

function drawCross(ink, { x, y, colour, width }, scales) {
  Object.assign(ink, { strokeStyle: colour, lineWidth: width })
  const [across, up] = [scales.x.to(x[0]), scales.y.to(y[0])]
  if (across < scales.box.left || across > scales.box.right) return
  ink.beginPath()
  for (const side of [-7, 7]) {
    ink.moveTo(across - 7, up - side)
    ink.lineTo(across + 7, up + side)
  }
  ink.stroke()
}

// The names that fit beside the plot, and the room that they take; in little room, their short forms.
function namesOf(ink, entries, lines, width, height, scale) {
  const ended = entries.flatMap((entry) => {
    const line = lines.find(({ group, role, x }) => group === entry.group && role === "curve" && x.length)
    return line ? [{ entry, line }] : []
  })
  if (!ended.length || ended.length * NAME_HEIGHT * scale > height) return { width: 16, texts: [] }
  const most = width * NAMES - 30
  const form = width < NARROW * scale ? "short" : "name"
  const texts = ended.map(({ entry, line }) => ({ entry, line, text: shortened(ink, entry[form], most) }))
  return { texts, width: Math.ceil(Math.max(...texts.map(({ text }) => ink.measureText(text).width))) + 30 }
}

function shortened(ink, text, most) {
  if (ink.measureText(text).width <= most) return text
  let length = text.length
  while (length > 1 && ink.measureText(`${text.slice(0, length)}…`).width > most) length -= 1
  return `${text.slice(0, length).trimEnd()}…`
}

function drawNames(ink, texts, { x, y, box }, { text: colour, tick, scale }) {
  const [first, last] = x.ends
  const labels = texts.flatMap(({ entry, line, text }) => {
    let at = line.x.length - 1
    while (at >= 0 && line.x[at] > last) at -= 1
    if (at < 0 || line.x[at] < first) return []
    const end = [x.to(line.x[at]), Math.max(box.top, Math.min(box.bottom, y.to(line.y[at])))]
    return [{ entry, text, end, y: end[1] }]
  })
  apart(labels, box, NAME_HEIGHT * scale)
  ink.font = tick
  ink.textAlign = "left"
  ink.textBaseline = "middle"
  for (const { entry, text, end, y: height } of labels) {
    Object.assign(ink, { strokeStyle: entry.colour, lineWidth: 1.5, globalAlpha: 0.7 })
    // A stroke from a line that ends earlier would pass for a part of the curve.
    if (end[0] > box.right - NAME_HEIGHT) {
      ink.beginPath()
      ink.moveTo(...end)
      ink.lineTo(box.right + 12, height)
      ink.stroke()
    }
    Object.assign(ink, { globalAlpha: 1, lineWidth: 5 })
    ink.beginPath()
    ink.moveTo(box.right + 11, height)
    ink.lineTo(box.right + 19, height)
    ink.stroke()
    ink.fillStyle = colour
    ink.fillText(text, box.right + 23, height)
  }
  return labels
}

/** Move labels of this height apart that would overlap, as little as needed, within the box: first down, then up from the foot. */
function apart(labels, box, height) {
  labels.sort((a, b) => a.y - b.y)
  let least = box.top + 4
  for (const label of labels) {
    label.y = Math.max(label.y, least)
    least = label.y + height
  }
  let most = box.bottom - 2
  for (const label of labels.toReversed()) {
    label.y = Math.min(label.y, most)
    most = label.y - height
  }
}
