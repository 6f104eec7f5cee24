// The gallery: many small images that are cut from one picture; one of them can be chosen.

// Galleries by their parentElement: Streamlit calls the default export again at every update.
const galleries = new WeakMap()
const SYMBOLS = { right: "✓", wrong: "✗" }

export default function gallery({ parentElement, data, setStateValue }) {
  const gallery = galleries.get(parentElement) ?? mount(parentElement)
  gallery.choose = (index) => setStateValue("chosen", { index, sprite: data.digest })
  const content = JSON.stringify([data.digest, data.captions, data.marks, data.size])
  if (gallery.content !== content) {
    gallery.content = content
    fill(gallery, data)
  }
  select(gallery, data.chosen)
  return () => setTimeout(() => gallery.root.isConnected || unmount(gallery, parentElement))
}

function mount(parentElement) {
  const root = parentElement.querySelector(".gallery")
  const gallery = { root, address: "", chosen: null, current: 0 }
  galleries.set(parentElement, gallery)
  root.onclick = (event) => {
    const tile = event.target.closest(".tile")
    if (tile) press(gallery, Number(tile.dataset.index))
  }
  root.onkeydown = (event) => {
    const next = move(gallery, event.key)
    if (next === undefined) return
    event.preventDefault()
    if (next === null) press(gallery, gallery.current)
    else focus(gallery, next)
  }
  return gallery
}

function unmount(gallery, parentElement) {
  galleries.delete(parentElement)
  URL.revokeObjectURL(gallery.address)
}

function fill(gallery, { sprite, columns, rows, tile, size, captions, marks, count }) {
  URL.revokeObjectURL(gallery.address)
  const bytes = Uint8Array.from(atob(sprite), (letter) => letter.charCodeAt(0))
  gallery.address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }))
  const [width, height] = [size, Math.round((size * tile[1]) / tile[0])]
  const { style } = gallery.root
  style.setProperty("--sprite", `url(${gallery.address})`)
  style.setProperty("--sheet", `${columns * width}px ${rows * height}px`)
  style.setProperty("--width", `${width}px`)
  style.setProperty("--height", `${height}px`)
  const tiles = document.createDocumentFragment()
  for (let index = 0; index < count; index += 1) {
    tiles.append(tileOf(index, captions?.[index], marks?.[index], columns, width, height))
  }
  gallery.root.replaceChildren(tiles)
  gallery.root.dataset.count = count
  gallery.chosen = null
  focus(gallery, Math.min(gallery.current, count - 1), false)
}

function tileOf(index, caption, mark, columns, width, height) {
  const tile = document.createElement("div")
  tile.className = `tile ${mark ?? ""}`
  tile.dataset.index = index
  tile.tabIndex = -1
  tile.setAttribute("role", "option")
  tile.setAttribute("aria-selected", "false")
  const description = [`image ${index + 1}`, caption, mark].filter(Boolean).join(", ")
  tile.setAttribute("aria-label", description)
  tile.title = description
  const image = document.createElement("div")
  image.className = "image"
  image.style.backgroundPosition = `${-(index % columns) * width}px ${-Math.floor(index / columns) * height}px`
  tile.append(image)
  if (caption || mark) {
    const label = document.createElement("div")
    label.className = "caption"
    label.textContent = [SYMBOLS[mark], caption].filter(Boolean).join("\u2009")
    tile.append(label)
  }
  return tile
}

function press(gallery, index) {
  const chosen = index === gallery.chosen ? null : index
  focus(gallery, index)
  // The choice is shown at once; Python's answer confirms it.
  select(gallery, chosen)
  gallery.choose(chosen)
}

function select(gallery, index) {
  if (index === gallery.chosen) return
  gallery.root.children[gallery.chosen]?.setAttribute("aria-selected", "false")
  gallery.root.children[index]?.setAttribute("aria-selected", "true")
  gallery.chosen = index
}

// Tab reaches one tile, the arrow keys the others.
function focus(gallery, index, moveFocus = true) {
  if (index < 0) return
  gallery.root.children[gallery.current]?.setAttribute("tabindex", "-1")
  gallery.current = index
  const tile = gallery.root.children[index]
  tile.tabIndex = 0
  if (moveFocus) tile.focus()
}

/** The index of the tile that a key leads to, null if the key chooses the current one, undefined for any other key. */
function move(gallery, key) {
  const tiles = gallery.root.children
  const last = tiles.length - 1
  const across = [...tiles].findIndex((tile) => tile.offsetTop > tiles[0].offsetTop)
  const row = across < 0 ? tiles.length : across
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }
  if (key === "Enter" || key === " ") return null
  if (key === "Home") return 0
  if (key === "End") return last
  if (!(key in steps)) return undefined
  const next = gallery.current + steps[key]
  return next < 0 || next > last ? gallery.current : next
}
