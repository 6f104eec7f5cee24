// The drawing pad: strokes by mouse, finger or pen, sent as a small picture while they are drawn.

import { keptFor } from "../kept.js"

// Coordinates of a stroke run from 0 to SPAN in both directions.
const SPAN = 1000
// Side in pixels of the picture that Python gets: four for each of MNIST's 28.
const SIDE = 112
// Milliseconds between pictures while a stroke is drawn.
const PAUSE = 90
// Milliseconds after which an unanswered picture counts as lost.
const PATIENCE = 1500
// A click without movement is drawn as a line of this length, so that a dot leaves ink.
const NUDGE = 2

// Pads by their parentElement: Streamlit calls the default export again at every update.
const pads = new WeakMap()

export default function pad({ parentElement, data, setStateValue }) {
  const pad = pads.get(parentElement) ?? mount(parentElement, data)
  pad.send = (drawing) => setStateValue("drawing", drawing)
  pad.answered = Math.max(pad.answered, data.seq)
  if (pad.waiting && pad.answered >= pad.seq) report(pad)
  return () => setTimeout(() => pad.root.isConnected || unmount(pad, parentElement))
}

function mount(parentElement, data) {
  const root = parentElement.querySelector(".pad")
  const find = (name) => root.querySelector(name)
  const pad = { root, canvas: find("canvas"), hint: find(".hint"), brush: find("input") }
  Object.assign(pad, { undo: find(".undo"), clear: find(".clear"), strokes: structuredClone(data.strokes) })
  Object.assign(pad, { seq: data.seq, answered: data.seq, sentAt: 0, waiting: false })
  pads.set(parentElement, pad)
  const kept = keptFor(data.key)
  pad.brush.value = kept.brush ?? pad.brush.value

  pad.canvas.onpointerdown = (event) => begin(pad, event)
  pad.canvas.onpointermove = (event) => extend(pad, event)
  pad.canvas.onpointerup = pad.canvas.onpointercancel = (event) => end(pad, event)
  pad.undo.onclick = () => change(pad, pad.strokes.slice(0, -1))
  pad.clear.onclick = () => change(pad, [])
  pad.brush.onchange = () => {
    kept.brush = pad.brush.value
  }
  pad.shortcut = (event) => undoByKey(pad, event)
  document.addEventListener("keydown", pad.shortcut)
  pad.observer = new ResizeObserver(() => paint(pad))
  pad.observer.observe(pad.canvas)
  paint(pad)
  return pad
}

function unmount(pad, parentElement) {
  pads.delete(parentElement)
  document.removeEventListener("keydown", pad.shortcut)
  pad.observer.disconnect()
  clearTimeout(pad.timer)
}

function begin(pad, event) {
  if (pad.pointer !== undefined || event.button !== 0) return
  event.preventDefault()
  // preventDefault also keeps the focus where it was, perhaps in a text field.
  pad.canvas.focus({ preventScroll: true })
  pad.canvas.setPointerCapture(event.pointerId)
  pad.pointer = event.pointerId
  const [x, y] = positionOf(pad, event)
  pad.strokes.push({ size: Number(pad.brush.value), points: [x, y, x + NUDGE, y] })
  paint(pad)
  report(pad)
}

function extend(pad, event) {
  if (event.pointerId !== pad.pointer) return
  const { points } = pad.strokes.at(-1)
  const moves = event.getCoalescedEvents?.() ?? []
  for (const move of moves.length ? moves : [event]) {
    const [x, y] = positionOf(pad, move)
    const [left, top] = points.slice(-2)
    if (Math.hypot(x - left, y - top) >= 4) points.push(x, y)
  }
  paint(pad)
  report(pad)
}

function end(pad, event) {
  if (event.pointerId !== pad.pointer) return
  pad.pointer = undefined
  report(pad)
}

function change(pad, strokes) {
  if (pad.pointer !== undefined) return
  const focused = pad.root.getRootNode().activeElement
  pad.strokes = strokes
  paint(pad)
  // A button that becomes disabled loses the keyboard.
  if (focused?.disabled && pad.root.contains(focused)) pad.canvas.focus({ preventScroll: true })
  report(pad)
}

// Listens on the whole page, because the focus may be anywhere after a stroke; text fields have an undo of their own.
function undoByKey(pad, event) {
  // Keyboards of other alphabets have no Z: there the position of the key counts.
  const isZ = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() === "z" : event.code === "KeyZ"
  if (!isZ || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
  if (event.defaultPrevented || !pad.strokes.length || isEditable(event.composedPath()[0])) return
  event.preventDefault()
  change(pad, pad.strokes.slice(0, -1))
}

function isEditable(element) {
  return element.isContentEditable || element.matches?.("textarea, input:not([type=range], [type=checkbox], [type=radio])")
}

function positionOf(pad, event) {
  const box = pad.canvas.getBoundingClientRect()
  const inside = (value, length) => Math.round(Math.min(1, Math.max(0, value / length)) * SPAN)
  return [inside(event.clientX - box.left, box.width), inside(event.clientY - box.top, box.height)]
}

// During a stroke, one picture at a time is on its way; the last picture of a stroke is sent at once.
function report(pad) {
  const drawing = pad.pointer !== undefined
  clearTimeout(pad.timer)
  const elapsed = performance.now() - pad.sentAt
  const busy = pad.answered < pad.seq && elapsed < PATIENCE
  if (drawing && (busy || elapsed < PAUSE)) {
    pad.waiting = true
    pad.timer = setTimeout(() => report(pad), busy ? PATIENCE - elapsed : PAUSE - elapsed)
    return
  }
  pad.waiting = false
  pad.sentAt = performance.now()
  pad.seq += 1
  pad.root.dataset.seq = pad.seq
  const image = pad.strokes.length ? picture(pad) : ""
  pad.send({ seq: pad.seq, ended: !drawing, image, strokes: drawing ? null : pad.strokes })
}

function picture(pad) {
  pad.small ??= Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE })
  ink(pad.small.getContext("2d"), pad.strokes, SIDE)
  return pad.small.toDataURL("image/png").split(",")[1]
}

function paint(pad) {
  const side = Math.round(pad.canvas.clientWidth * window.devicePixelRatio)
  if (!side) return
  if (pad.canvas.width !== side) pad.canvas.width = pad.canvas.height = side
  ink(pad.canvas.getContext("2d"), pad.strokes, side)
  pad.hint.hidden = pad.strokes.length > 0
  pad.undo.disabled = pad.clear.disabled = !pad.strokes.length
  pad.root.dataset.strokes = pad.strokes.length
}

// White on black like MNIST, in both themes. Curves through the middles of the segments smooth the stroke.
function ink(context, strokes, side) {
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.fillStyle = "#000"
  context.fillRect(0, 0, side, side)
  context.scale(side / SPAN, side / SPAN)
  context.strokeStyle = "#fff"
  context.lineCap = context.lineJoin = "round"
  for (const { size, points } of strokes) {
    context.lineWidth = size
    context.beginPath()
    context.moveTo(points[0], points[1])
    for (let i = 2; i + 3 < points.length; i += 2) {
      const middle = [(points[i] + points[i + 2]) / 2, (points[i + 1] + points[i + 3]) / 2]
      context.quadraticCurveTo(points[i], points[i + 1], ...middle)
    }
    context.lineTo(...points.slice(-2))
    context.stroke()
  }
}
