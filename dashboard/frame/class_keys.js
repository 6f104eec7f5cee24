// The keys of class mode, on the whole page: C switches it; arrows and a presenter's clicker step through the sections.
// The script is there before the page is, so that a key that is pressed while the page comes is not lost.
{
  const { switch: switchKey, bars } = document.currentScript.dataset
  const TYPING =
    "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], [role=dialog]"
  // What has a use of its own for the arrow keys.
  const OWN_ARROWS = "[role=radiogroup], [role=slider], [role=listbox], [role=menu], [role=tablist], canvas, table"
  // A clicker presses PageUp and PageDown. After a click on a section the focus is on that button: the clicker must go on.
  const OWN_PAGES = "[role=slider], [role=listbox], [role=menu], canvas, table"
  const STEPS = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 }
  // Milliseconds for which a press of C waits for the switch, and between two looks for it.
  const PATIENCE = 30_000
  const LOOK_AGAIN = 50

  // A key clicks what a person would click. The browser then marks the button at once, also while the page still follows
  // the key before, and sends Python what is marked last: a message about each key could be lost on a busy machine.
  const part = (key, inside) => [...document.querySelectorAll(`.st-key-${CSS.escape(key)} ${inside}`)]
  const switchBox = () => part(switchKey, "input")[0]

  const clickSwitch = (until = performance.now() + PATIENCE) => {
    if (switchBox()) switchBox().click()
    else if (performance.now() < until) setTimeout(() => clickSwitch(until), LOOK_AGAIN)
  }

  const step = (by) => {
    const buttons =
      bars
        .split(" ")
        .map((bar) => part(bar, "[role=radio]"))
        .find((found) => found.length) ?? []
    const marked = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true")
    if (marked >= 0) buttons[marked + by]?.click()
  }

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return
    // The path also leads into components, whose elements the event's own target does not show.
    const first = event.composedPath()[0]
    const isIn = (places) => first instanceof Element && first.closest(places) !== null
    if (isIn(TYPING)) return
    if (event.key.toLowerCase() === "c" && !event.repeat) {
      event.preventDefault()
      clickSwitch()
    } else if (event.key in STEPS && switchBox()?.checked) {
      if (isIn(event.key.startsWith("Page") ? OWN_PAGES : OWN_ARROWS)) return
      event.preventDefault()
      step(STEPS[event.key])
    }
  })
}
