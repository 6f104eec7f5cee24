// Requests that a component makes without a person have to wait until the page has run.

// Longest wait in milliseconds. A request ends the run that is under way, and brings the values of the widgets as this
// browser knows them: asked too early, it takes back what a press of a button has just changed, and on a busy machine no
// run would come to its end before the next request.
const PATIENCE = 60000
// Milliseconds between two looks at whether the page still runs.
const LOOK_AGAIN = 30

// The longest time in milliseconds from a press of a link, or of Back, until the page that was asked for begins to run.
const BEGINS = 4000

// The last such press: when, the path of the page it leads to, and whether a run has begun since. One for all components.
const departure = (window.mnistLabDeparture ??= watchDepartures())

/** Call `ask` once the page's script is not running and no other page was asked for, or after `patience` milliseconds.
    A fragment that is requested at the moment at which a run ends makes Streamlit drop what that run has sent last. One of
    a page that is being left takes the next page away again. */
export function afterRun(ask, patience = PATIENCE, until = performance.now() + patience) {
  if ((isRunning() || isLeaving()) && performance.now() < until) setTimeout(() => afterRun(ask, patience, until), LOOK_AGAIN)
  else ask()
}

function watchDepartures() {
  const last = { at: -BEGINS }
  const note = (path) => path && Object.assign(last, { at: performance.now(), path, hasBegun: false })
  const linkIn = (nodes) => nodes.find(({ localName }) => localName === "a")
  window.addEventListener("click", (event) => note(linkIn(event.composedPath())?.pathname), true)
  // The address has changed already.
  window.addEventListener("popstate", () => note(location.pathname), true)
  const observer = new MutationObserver(() => (last.hasBegun ||= isRunning()))
  observer.observe(document.body, { subtree: true, attributeFilter: ["data-test-script-state"] })
  return last
}

function isRunning() {
  return document.querySelector(".stApp")?.dataset.testScriptState === "running"
}

function isLeaving() {
  const hasArrived = departure.hasBegun && departure.path === location.pathname
  return !hasArrived && performance.now() - departure.at < BEGINS
}
