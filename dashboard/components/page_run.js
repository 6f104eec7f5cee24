// Requests that a component makes by itself, without a person: they have to wait for the page.

const PATIENCE = 3000 // milliseconds; a page may run for long, and some Streamlit may not say whether it does
const LOOK_AGAIN = 30

/** Call `ask` once the page's script is not running: Streamlit drops what a run sends last when a fragment is asked for
    at the moment at which it ends. */
export function afterRun(ask, until = performance.now() + PATIENCE) {
  const running = document.querySelector(".stApp")?.dataset.testScriptState === "running"
  if (running && performance.now() < until) setTimeout(() => afterRun(ask, until), LOOK_AGAIN)
  else ask()
}
