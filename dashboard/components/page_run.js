// Requests that a component makes without a person have to wait until the page has run.

// Longest wait in milliseconds. A request ends the run that is under way, and brings the values of the widgets as this
// browser knows them: asked too early, it takes back what a press of a button has just changed, and on a busy machine no
// run would come to its end before the next request.
const PATIENCE = 60000
// Milliseconds between two looks at whether the page still runs.
const LOOK_AGAIN = 30

/** Call `ask` once the page's script is not running, or after `patience` milliseconds. If a fragment is requested at the
    moment at which a run ends, Streamlit drops what that run has sent last. */
export function afterRun(ask, patience = PATIENCE, until = performance.now() + patience) {
  const running = document.querySelector(".stApp")?.dataset.testScriptState === "running"
  if (running && performance.now() < until) setTimeout(() => afterRun(ask, patience, until), LOOK_AGAIN)
  else ask()
}
