// What a network answers and looks like at one moment of its training. Python has computed all that is shown.
import { keptFor } from "../kept.js"
import { afterRun } from "../page_run.js"
import { whenRenewed } from "../renewal/renewed.js"

// Views by their parentElement: Streamlit calls the default export again at every update.
const views = new WeakMap()
// Colours of weights from -127 over 0 to 127, as on the other pages.
const COLOURS = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]]
const GAP = 1
// Milliseconds in which tiles move to another place.
const MOVING = 350

export default function thinking({ parentElement, data, setStateValue }) {
  const message = unpacked(data)
  const view = views.get(parentElement) ?? mount(parentElement, message.head)
  view.sayHeld = (digest) => setStateValue("held", digest)
  show(view, message)
}

function show(view, { head, bytes }) {
  if (bytes.images) view.kept.images = { digest: head.images, pixels: bytes.images }
  // Python leaves the images out of later messages once it knows that they are here.
  const held = view.kept.images?.digest ?? ""
  if (head.live && head.images && head.held !== held) afterRun(() => view.root.isConnected && view.sayHeld(held))
  if (view.wanted === head.version || (head.images && held !== head.images)) return
  view.wanted = head.version
  // Without its style sheet the view would be much higher for a moment.
  view.styled.then(() => {
    if (view.wanted !== head.version) return
    view.root.dataset.step = head.step ?? ""
    view.root.setAttribute("aria-label", head.label)
    draw(view, head, bytes.weights)
  })
}

/** A message: the length of a JSON text, this text, the pixels of the images if they are sent, and the weights. */
function unpacked(data) {
  const bytes = new Uint8Array(data)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const start = 4 + length, middle = start + head.imageBytes
  const images = head.imageBytes ? bytes.slice(start, middle) : null
  return { head, bytes: { images, weights: new Int8Array(bytes.slice(middle).buffer) } }
}

function mount(parentElement, { key, styles }) {
  const root = parentElement.querySelector(".thinking")
  const link = document.createElement("link")
  const styled = new Promise((resolve) => Object.assign(link, { onload: resolve, onerror: resolve }))
  root.before(Object.assign(link, { rel: "stylesheet", href: new URL(styles, location.origin).href }))
  root.setAttribute("role", "group")
  const view = { root, styled, kept: keptFor(key), tiles: [] }
  views.set(parentElement, view)
  whenRenewed(root, key, (message) => show(view, unpacked(Uint8Array.from(atob(message), (letter) => letter.charCodeAt(0)))))
  return view
}

function draw(view, head, weights) {
  const { root } = view
  if (head.waiting) {
    root.replaceChildren(element("p", "waiting", head.waiting))
    view.tiles = []
    return
  }
  if (!view.tiles.length || view.images !== head.images) build(view, head)
  view.facts.replaceChildren(...head.facts.map(([name, value]) => {
    const fact = document.createElement("div")
    fact.append(element("dt", "", name), element("dd", "", value))
    return fact
  }))
  view.title.textContent = head.title
  drawTiles(view, head)
  view.weightsTitle.textContent = head.weightsTitle
  drawWeights(view.weights, weights, head)
  view.weights.setAttribute("aria-label", head.weightsTitle)
  view.rows.replaceChildren(...head.layers.map(row))
  view.note.textContent = head.note
}

function build(view, head) {
  const { root } = view
  view.images = head.images
  root.innerHTML = '<p class="heading answers"></p><ul class="tiles"></ul><dl class="facts"></dl><div class="inside">' +
    '<div><p class="heading first"></p><canvas class="weights" role="img"></canvas></div><div><p class="heading">Layers</p>' +
    "<table><thead></thead><tbody></tbody></table></div></div><p class='note'></p>"
  for (const [name, part] of Object.entries({
    facts: ".facts", title: ".answers", list: ".tiles", weightsTitle: ".first", weights: ".weights", rows: "tbody", note: ".note",
  })) view[name] = root.querySelector(part)
  const titles = document.createElement("tr")
  for (const [name, help] of head.columns) titles.append(Object.assign(element("th", "", name), { title: help, scope: "col" }))
  root.querySelector("thead").append(titles)
  view.tiles = head.tiles.map((_, index) => {
    const tile = element("li", "tile", "")
    const picture = document.createElement("canvas")
    paint(picture, view.kept.images.pixels, index, head.imageShape)
    tile.append(picture, document.createElement("b"), document.createElement("span"))
    return tile
  })
  view.list.replaceChildren(...view.tiles)
}

function drawTiles(view, { tiles, order }) {
  tiles.forEach(({ sign, answer, sure, below, spoken, right }, index) => {
    const tile = view.tiles[index]
    tile.style.setProperty("--sure", sure)
    tile.classList.toggle("long", answer.length > 3)
    tile.dataset.right = right
    tile.title = spoken
    const [picture, first, second] = tile.children
    picture.setAttribute("role", "img")
    picture.setAttribute("aria-label", spoken)
    first.textContent = `${sign} ${answer}`
    second.textContent = below
    for (const text of [first, second]) text.setAttribute("aria-hidden", "true")
  })
  const wanted = order.map((index) => view.tiles[index])
  if (wanted.every((tile, place) => view.list.children[place] === tile)) return
  const before = wanted.map((tile) => tile.getBoundingClientRect())
  view.list.replaceChildren(...wanted)
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return
  wanted.forEach((tile, place) => {
    const { left, top } = tile.getBoundingClientRect()
    const [x, y] = [before[place].left - left, before[place].top - top]
    if (before[place].width && (x || y)) tile.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], MOVING)
  })
}

/** One image, pixel for pixel: grey, or in colour if it has three channels. */
function paint(canvas, pixels, index, [channels, height, width]) {
  Object.assign(canvas, { width, height })
  const area = width * height
  const image = new ImageData(width, height)
  for (let at = 0; at < area; at += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      image.data[4 * at + colour] = pixels[index * channels * area + (channels === 3 ? colour * area : 0) + at]
    }
    image.data[4 * at + 3] = 255
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
}

/** The pictures of the first layer side by side on one canvas, which the style sheet enlarges. */
function drawWeights(canvas, weights, { weightsShape: [count, channels, height, width], weightsColumns: columns, weightsWidth }) {
  canvas.hidden = !count
  if (!count) return
  const rows = Math.ceil(count / columns)
  const [wide, high] = [columns * (width + GAP) - GAP, rows * (height + GAP) - GAP]
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
  canvas.style.width = `${weightsWidth}px`
  canvas.style.aspectRatio = `${wide} / ${high}`
  const image = new ImageData(wide, high)
  const area = width * height
  for (let picture = 0; picture < count; picture += 1) {
    const left = (picture % columns) * (width + GAP), top = Math.floor(picture / columns) * (height + GAP)
    for (let at = 0; at < area; at += 1) {
      const place = 4 * ((top + Math.floor(at / width)) * wide + left + (at % width))
      const start = picture * channels * area + at
      const colour = channels === 3 ? [0, 1, 2].map((part) => 127 + weights[start + part * area]) : colourOf(weights[start])
      image.data.set([...colour, 255], place)
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
}

function colourOf(weight) {
  const place = ((weight + 127) / 254) * (COLOURS.length - 1)
  const low = Math.min(Math.floor(place), COLOURS.length - 2)
  return COLOURS[low].map((value, part) => value + (place - low) * (COLOURS[low + 1][part] - value))
}

/** A row of the table: the name of a layer, and of each measure a text and the length of its bar, 0 to 1. */
function row({ name, measures }) {
  const line = document.createElement("tr")
  line.append(Object.assign(element("th", "", name), { scope: "row" }))
  for (const [text, part] of measures) {
    const cell = element("td", "", text)
    const bar = cell.appendChild(element("span", "bar", ""))
    bar.append(document.createElement("i"))
    bar.style.setProperty("--part", part)
    line.append(cell)
  }
  return line
}

function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text })
}
