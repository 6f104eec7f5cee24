// The keys of class mode, on the whole page: C switches it; arrows and a presenter's clicker step through the sections.

const TYPING = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], [role=dialog]"
// What has a use of its own for the arrow keys.
const OWN_ARROWS = "[role=radiogroup], [role=slider], [role=listbox], [role=menu], [role=tablist], canvas, table"
// A clicker presses PageUp and PageDown. After a click on a section the focus is on that button: the clicker must go on.
const OWN_PAGES = "[role=slider], [role=listbox], [role=menu], canvas, table"
const STEPS = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 }
let stopListening = () => {}

// A key clicks what a person would click. The browser then marks the button at once, also while the page still follows the
// key before, and sends Python what is marked last: a message about each key could be lost on a busy machine.
const part = (key, inside) => document.querySelectorAll(`.st-key-${CSS.escape(key)} ${inside}`)

function step(bars, by) {
  // A page draws its buttons after this component, so they are looked for when a key is pressed.
  const buttons = bars.map((bar) => [...part(bar, "[role=radio]")]).find((found) => found.length) ?? []
  const marked = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true")
  if (marked >= 0) buttons[marked + by]?.click()
}

export default function ({ data: { switch: key, bars } }) {
  const press = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return
    // The path also leads into components, whose elements the event's own target does not show.
    const first = event.composedPath()[0]
    const isIn = (places) => first instanceof Element && first.closest(places) !== null
    const [box] = part(key, "input")
    if (!box || isIn(TYPING)) return
    if (event.key.toLowerCase() === "c" && !event.repeat) {
      event.preventDefault()
      box.click()
    } else if (box.checked && event.key in STEPS) {
      if (isIn(event.key.startsWith("Page") ? OWN_PAGES : OWN_ARROWS)) return
      event.preventDefault()
      step(bars, STEPS[event.key])
    }
  }

  // This is called again with new data, while the listener with the old data may still be there.
  stopListening()
  window.addEventListener("keydown", press)
  stopListening = () => window.removeEventListener("keydown", press)
  return stopListening
}
