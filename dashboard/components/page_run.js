// Requests that a component makes without a person have to wait until the page has run.

// Longest wait in milliseconds: a page may run for long, and another version of Streamlit may not say whether it runs.
const PATIENCE = 3000
// Milliseconds between two looks at whether the page still runs.
const LOOK_AGAIN = 30

/** Call `ask` once the page's script is not running, or after `patience` milliseconds. If a fragment is requested at the
    moment at which a run ends, Streamlit drops what that run has sent last. */
export function afterRun(ask, patience = PATIENCE, until = performance.now() + patience) {
  const running = document.querySelector(".stApp")?.dataset.testScriptState === "running"
  if (running && performance.now() < until) setTimeout(() => afterRun(ask, patience, until), LOOK_AGAIN)
  else ask()
}
