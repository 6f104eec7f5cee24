// The keys of class mode, on the whole page: C switches it; arrows and a presenter's clicker step through the sections.

const TYPING = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], [role=dialog]"
// What has a use of its own for the arrow keys.
const OWN_ARROWS = "[role=radiogroup], [role=slider], [role=listbox], [role=menu], [role=tablist], canvas, table"
// A clicker presses PageUp and PageDown. After a click on a section the focus is on that button: the clicker must go on.
const OWN_PAGES = "[role=slider], [role=listbox], [role=menu], canvas, table"
const STEPS = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 }

// Until the page has followed a key, the next key goes on from where that one led. Of two quick keys the page may follow the
// first one first, so that it counts for so many milliseconds in any case.
const FOLLOWS_WITHIN = 1500
let stopListening = () => {}
const NO_KEY = { from: null, at: 0, place: "", when: -Infinity }
let last = NO_KEY

// The section whose button is marked: after a click the browser knows it sooner than Python.
const marked = ({ bar, at }) => {
  const buttons = bar ? [...document.querySelectorAll(`.st-key-${CSS.escape(bar)} [role=radio]`)] : []
  const found = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true")
  return found < 0 ? at : found
}

export default function ({ data, setTriggerValue }) {
  if (data.at === last.at) last = NO_KEY

  // A key counts at once: the page may take a second to follow it.
  let { on } = data
  const step = (by) => {
    const place = `${location.pathname} ${data.count}`
    const isAwaited = data.at === last.from || performance.now() - last.when < FOLLOWS_WITHIN
    const isFresh = last.place === place && isAwaited
    const at = isFresh ? last.at : marked(data)
    const next = Math.min(Math.max(at + by, 0), data.count - 1)
    if (next === at) return
    last = { from: data.at, at: next, place, when: performance.now() }
    // Two quick keys may arrive as one message, so it names the section instead of a step.
    setTriggerValue("section", { index: next })
  }

  const press = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return
    // The path also leads into components, whose elements the event's own target does not show.
    const first = event.composedPath()[0]
    const isIn = (places) => first instanceof Element && first.closest(places) !== null
    if (isIn(TYPING)) return
    if (event.key.toLowerCase() === "c" && !event.repeat) {
      event.preventDefault()
      on = !on
      setTriggerValue("switched", { on })
    } else if (on && event.key in STEPS && data.count > 0) {
      if (isIn(event.key.startsWith("Page") ? OWN_PAGES : OWN_ARROWS)) return
      event.preventDefault()
      step(STEPS[event.key])
    }
  }

  // After a click keys go on from what was clicked.
  const forget = () => (last = NO_KEY)

  // This is called again with new data, while the listener with the old data may still be there.
  stopListening()
  window.addEventListener("keydown", press)
  window.addEventListener("pointerdown", forget)
  stopListening = () => {
    window.removeEventListener("keydown", press)
    window.removeEventListener("pointerdown", forget)
  }
  return stopListening
}
