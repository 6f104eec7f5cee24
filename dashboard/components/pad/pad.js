// The drawing pad: strokes by mouse, finger or pen, given away as a small picture while they are drawn.
// The eraser draws strokes too, in the colour of the paper, so that they can be undone as the pen's.

// Coordinates of a stroke run from 0 to SPAN in both directions.
const SPAN = 1000
// Side in pixels of the picture that is given away: four for each of MNIST's 28.
const SIDE = 112
// Milliseconds after which an unanswered picture counts as lost.
const PATIENCE = 1500
// A click without movement is drawn as a line of this length, so that a dot leaves ink.
const NUDGE = 2
// How much wider the eraser is than the brush: one pass over the middle of a line takes all of it away.
const ERASER = 2
// Browsers ignore larger cursors.
const LARGEST_CURSOR = 128

// Pads by their parentElement: Streamlit calls the default export again at every update.
const pads = new WeakMap()

/** The pad of this element, which is put there at the first call with `data.strokes` on it. Settings and history are kept
    in `kept`. The caller sets `send`, which gets the pictures, and `pause`, the milliseconds between two of them. */
export function padIn(parentElement, data, kept) {
  return pads.get(parentElement) ?? mount(parentElement, data, kept)
}

/** Pictures up to number `seq` have been answered, so that the next one of a stroke may go. */
export function noteAnswered(pad, seq) {
  pad.answered = Math.max(pad.answered, seq)
  if (pad.waiting && pad.answered >= pad.seq) report(pad)
}

/** Another drawing is asked for: what is on the pad belongs to the one before. The brush stays. */
export function beginAnew(pad, number) {
  clearTimeout(pad.timer)
  delete pad.kept.history
  Object.assign(pad, { number, strokes: [], past: [], future: [], pointer: undefined, waiting: false, answered: pad.seq })
  paint(pad)
}

/** To be called when Streamlit takes a component's call back, which it also does before each update. */
export function leave(pad, parentElement) {
  setTimeout(() => pad.root.isConnected || unmount(pad, parentElement))
}

function mount(parentElement, data, kept) {
  const root = parentElement.querySelector(".pad")
  const find = (name) => root.querySelector(name)
  const pad = { root, kept, number: data.number, canvas: find("canvas"), hint: find(".hint"), brush: find("input") }
  Object.assign(pad, { undo: find(".undo"), redo: find(".redo"), eraser: find(".eraser"), clear: find(".clear") })
  Object.assign(pad, { strokes: structuredClone(data.strokes), ...historyOf(kept, data) })
  Object.assign(pad, { seq: data.seq, answered: data.seq, sentAt: 0, waiting: false })
  pads.set(parentElement, pad)
  root.dataset.seq = pad.seq
  pad.brush.value = kept.brush ?? pad.brush.value

  pad.canvas.onpointerdown = (event) => begin(pad, event)
  pad.canvas.onpointermove = (event) => extend(pad, event)
  pad.canvas.onpointerup = pad.canvas.onpointercancel = (event) => end(pad, event)
  // The right mouse button erases.
  pad.canvas.oncontextmenu = (event) => event.preventDefault()
  pad.undo.onclick = () => undo(pad)
  pad.redo.onclick = () => redo(pad)
  pad.eraser.onclick = () => toggleEraser(pad)
  pad.clear.onclick = () => clear(pad)
  pad.brush.onchange = () => {
    kept.brush = pad.brush.value
    paint(pad)
  }
  if (/Mac|iP/.test(navigator.platform)) root.querySelectorAll(".control").forEach((key) => (key.textContent = "⌘"))
  pad.shortcut = (event) => pressKey(pad, event)
  document.addEventListener("keydown", pad.shortcut)
  pad.observer = new ResizeObserver(() => paint(pad))
  pad.observer.observe(pad.canvas)
  paint(pad)
  return pad
}

// What undo and redo go back and forward to, as lists of strokes. Without a history of this drawing, such as after a
// visit to another page, undo takes back one stroke after the other.
function historyOf(kept, data) {
  if (kept.history?.seq === data.seq) return { past: [...kept.history.past], future: [...kept.history.future] }
  return { past: data.strokes.map((_, index) => structuredClone(data.strokes.slice(0, index))), future: [] }
}

function unmount(pad, parentElement) {
  pads.delete(parentElement)
  document.removeEventListener("keydown", pad.shortcut)
  pad.observer.disconnect()
  clearTimeout(pad.timer)
}

function begin(pad, event) {
  // Button 2 is the right one of a mouse, 5 the eraser at the end of a pen.
  const erase = pad.kept.erasing || event.button === 2 || event.button === 5
  if (pad.pointer !== undefined || ![0, 2, 5].includes(event.button) || (erase && !pad.strokes.length)) return
  event.preventDefault()
  // preventDefault also keeps the focus where it was, perhaps in a text field.
  pad.canvas.focus({ preventScroll: true })
  pad.canvas.setPointerCapture(event.pointerId)
  pad.pointer = event.pointerId
  const [x, y] = positionOf(pad, event)
  pad.past.push(pad.strokes)
  pad.future = []
  const stroke = { size: Number(pad.brush.value), points: [x, y, x + NUDGE, y] }
  pad.strokes = [...pad.strokes, erase ? { ...stroke, size: ERASER * stroke.size, erase } : stroke]
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

function undo(pad) {
  if (pad.pointer !== undefined || !pad.past.length) return
  pad.future.push(pad.strokes)
  show(pad, pad.past.pop())
}

function redo(pad) {
  if (pad.pointer !== undefined || !pad.future.length) return
  pad.past.push(pad.strokes)
  show(pad, pad.future.pop())
}

function clear(pad) {
  if (pad.pointer !== undefined || !pad.strokes.length) return
  pad.past.push(pad.strokes)
  pad.future = []
  show(pad, [])
}

function toggleEraser(pad) {
  if (pad.pointer !== undefined || !pad.strokes.length) return
  pad.kept.erasing = !pad.kept.erasing
  paint(pad)
}

function show(pad, strokes) {
  const focused = pad.root.getRootNode().activeElement
  pad.strokes = strokes
  paint(pad)
  // A button that becomes disabled loses the keyboard.
  if (focused?.disabled && pad.root.contains(focused)) pad.canvas.focus({ preventScroll: true })
  report(pad)
}

// Listens on the whole page, because the focus may be anywhere after a stroke; text fields and dialogs keep their keys.
function pressKey(pad, event) {
  if (event.defaultPrevented || event.altKey || isEditable(event.composedPath()[0])) return
  const action = actionOf(event)
  // Elsewhere Delete is for other things, such as the names in a list of runs.
  const onPad = event.composedPath().includes(pad.root) || event.target === document.body
  if (!action || (action === clear && !onPad) || (action === toggleEraser && event.repeat)) return
  event.preventDefault()
  action(pad)
}

function actionOf(event) {
  // Keyboards of other alphabets have no Z: there the position of the key counts.
  const key = /^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key) ? event.code.at(-1) : event.key
  const keys = `${event.ctrlKey || event.metaKey ? "ctrl+" : ""}${event.shiftKey ? "shift+" : ""}${key.toLowerCase()}`
  // The delete key of a Mac is called Backspace.
  return { "ctrl+z": undo, "ctrl+y": redo, "ctrl+shift+z": redo, e: toggleEraser, delete: clear, backspace: clear }[keys]
}

function isEditable(element) {
  const fields = "textarea, select, input:not([type=range], [type=checkbox], [type=radio]), [role=dialog] *"
  return element.isContentEditable || element.matches?.(fields)
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
  if (drawing && (busy || elapsed < pad.pause)) {
    pad.waiting = true
    pad.timer = setTimeout(() => report(pad), busy ? PATIENCE - elapsed : pad.pause - elapsed)
    return
  }
  pad.waiting = false
  pad.sentAt = performance.now()
  pad.seq += 1
  pad.root.dataset.seq = pad.seq
  // The strokes are given away after each one, so that only then the history fits what a new mount begins with.
  if (!drawing) pad.kept.history = { seq: pad.seq, past: [...pad.past], future: [...pad.future] }
  const image = pad.strokes.length ? picture(pad) : ""
  const { number, label, seq } = pad
  pad.send({ number, label, seq, ended: !drawing, image, strokes: drawing ? null : pad.strokes })
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
  pad.undo.disabled = !pad.past.length
  pad.redo.disabled = !pad.future.length
  pad.clear.disabled = pad.eraser.disabled = !pad.strokes.length
  // An empty pad has nothing to erase: the pen is back.
  pad.kept.erasing &&= pad.strokes.length > 0
  pad.eraser.setAttribute("aria-pressed", Boolean(pad.kept.erasing))
  pad.canvas.style.cursor = pad.kept.erasing ? ring(pad) : ""
  pad.root.dataset.strokes = pad.strokes.length
}

// The cursor of the eraser: a ring as large as what it takes away.
function ring(pad) {
  const across = (ERASER * pad.brush.value * pad.canvas.clientWidth) / SPAN
  const side = Math.min(LARGEST_CURSOR, Math.round(across))
  const circle = `<circle cx="${side / 2}" cy="${side / 2}" r="${side / 2 - 2}" fill="none" stroke="#ff9f40" stroke-width="2"/>`
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">${circle}</svg>`
  return `url("data:image/svg+xml,${encodeURIComponent(picture)}") ${side / 2} ${side / 2}, crosshair`
}

// White on black like MNIST, in both themes. Curves through the middles of the segments smooth the stroke.
function ink(context, strokes, side) {
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.fillStyle = "#000"
  context.fillRect(0, 0, side, side)
  context.scale(side / SPAN, side / SPAN)
  context.lineCap = context.lineJoin = "round"
  for (const { size, points, erase } of strokes) {
    context.strokeStyle = erase ? "#000" : "#fff"
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
