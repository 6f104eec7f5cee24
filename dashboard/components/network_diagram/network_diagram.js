// A diagram of a network whose layers a person makes wider and narrower, copies and removes. It is drawn in Python.

// Diagrams by their parentElement: Streamlit calls the default export again at every update.
const diagrams = new WeakMap()
// So many pixels of the pointer are one step of the width.
const STEP = 14
// How much higher a layer is shown for a step, while it is dragged.
const GROWTH = 0.07

export default function networkDiagram({ parentElement, data, setTriggerValue }) {
  const diagram = diagrams.get(parentElement) ?? mount(parentElement)
  diagram.send = (change) => setTriggerValue("change", { ...change, line: diagram.line })
  diagram.line = data.line
  if (!diagram.drag) draw(diagram, data)
  return () => setTimeout(() => diagram.root.isConnected || diagrams.delete(parentElement))
}

function mount(parentElement) {
  const root = parentElement.querySelector(".network-diagram")
  const diagram = { root, drawing: root.querySelector(".drawing"), status: root.querySelector(".status") }
  Object.assign(diagram, { drag: null, svg: "", isChanged: false })
  diagram.drawing.onclick = (event) => press(diagram, event.target.closest("[data-action]"))
  diagram.drawing.onkeydown = (event) => pressKey(diagram, event)
  diagram.drawing.onpointerdown = (event) => beginDrag(diagram, event)
  diagram.drawing.onpointermove = (event) => diagram.drag && moveDrag(diagram, event)
  diagram.drawing.onpointerup = () => diagram.drag && endDrag(diagram, true)
  diagram.drawing.onpointercancel = () => diagram.drag && endDrag(diagram, false)
  diagrams.set(parentElement, diagram)
  return diagram
}

/** Show the drawing of Python; what was shown for a moment of a change that it has not made is gone then. */
function draw(diagram, { svg, summary }) {
  if (diagram.svg === svg && !diagram.isChanged) return
  const isFirst = !diagram.svg
  const focused = focusOf(diagram)
  Object.assign(diagram, { svg, isChanged: false })
  diagram.drawing.innerHTML = svg
  // Only what a person has just changed is read out.
  if (!isFirst) diagram.status.textContent = summary
  if (focused) focusAgain(diagram, focused)
}

function focusOf(diagram) {
  const button = diagram.root.getRootNode().activeElement?.closest?.("[data-action]")
  if (!button || !diagram.drawing.contains(button)) return null
  const groups = layersOf(diagram)
  return { place: groups.indexOf(layerOf(button)), action: button.dataset.action }
}

/** The same button of the layer that now has this place; that of the last one if the layer is gone. */
function focusAgain(diagram, { place, action }) {
  const groups = layersOf(diagram)
  const group = groups[Math.min(place, groups.length - 1)]
  const button = group?.querySelector(`[data-action=${action}]`) ?? group?.querySelector("[data-action]")
  button?.focus({ preventScroll: true })
}

const layersOf = (diagram) => [...diagram.drawing.querySelectorAll("[data-layer]")]
const layerOf = (element) => element.closest("[data-layer]")

function press(diagram, button) {
  if (!button || button.getAttribute("aria-disabled") === "true") return
  const group = layerOf(button)
  const { action } = button.dataset
  if (action === "wider") step(diagram, group, 1)
  else if (action === "narrower") step(diagram, group, -1)
  else diagram.send({ layer: Number(group.dataset.layer), action })
}

/** One width up or down. The width counts at once, so that quick clicks add up: Python is sent widths, not steps. */
function step(diagram, group, by) {
  const width = widthAfter(group, by)
  if (width === Number(group.dataset.width)) return
  group.dataset.width = width
  preview(diagram, group, width, by)
  diagram.send({ layer: Number(group.dataset.layer), action: "resize", width })
}

function widthAfter(group, by) {
  const widths = group.dataset.widths.split(" ").map(Number)
  const at = widths.indexOf(Number(group.dataset.width)) + by
  return widths[Math.min(Math.max(at, 0), widths.length - 1)]
}

/** Until Python has drawn the network anew, the layer's name says its width. */
function preview(diagram, group, width, steps) {
  diagram.isChanged = true
  const label = group.querySelector("text")
  label.textContent = `${width.toLocaleString("en")} ${group.dataset.unit}`
  label.classList.add("preview")
  const block = group.querySelector("g")
  const place = block.dataset.place ?? block.getAttribute("transform")
  block.dataset.place = place
  block.setAttribute("transform", `${place} scale(1 ${Math.min(Math.max(1 + GROWTH * steps, 0.3), 1.5)})`)
}

function pressKey(diagram, event) {
  const button = event.target.closest?.("[data-action]")
  if (!button || event.altKey || event.ctrlKey || event.metaKey) return
  const group = layerOf(button)
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key]
  const to = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  if (event.key === "Enter" || event.key === " ") press(diagram, button)
  else if (by) press(diagram, group.querySelector(`[data-action=${by > 0 ? "wider" : "narrower"}]`))
  else if (to) {
    const groups = layersOf(diagram)
    const next = groups[groups.indexOf(group) + to]
    const same = next?.querySelector(`[data-action=${button.dataset.action}]`) ?? next?.querySelector("[data-action]")
    same?.focus()
  } else return
  event.preventDefault()
}

/** A mouse or a pen takes hold of a layer. A finger scrolls the page there, and has the buttons. */
function beginDrag(diagram, event) {
  if (event.pointerType === "touch" || event.button || !event.target.classList.contains("drag")) return
  event.preventDefault()
  const group = layerOf(event.target)
  diagram.drag = { group, y: event.clientY, before: group.dataset.width, width: Number(group.dataset.width) }
  diagram.drawing.setPointerCapture(event.pointerId)
}

function moveDrag(diagram, event) {
  const { drag } = diagram
  const steps = Math.round((drag.y - event.clientY) / STEP)
  const width = widthAfter(drag.group, steps)
  if (width === drag.width) return
  drag.width = width
  preview(diagram, drag.group, width, steps)
}

function endDrag(diagram, counts) {
  const { group, before, width } = diagram.drag
  diagram.drag = null
  if (counts && width !== Number(before)) {
    group.dataset.width = width
    diagram.send({ layer: Number(group.dataset.layer), action: "resize", width })
  } else if (diagram.isChanged) draw(diagram, { svg: diagram.svg, summary: "" })
}
