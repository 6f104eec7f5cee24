// Streamlit calls a component's script again at every update, and ends what a call has begun only when the component leaves
// the page, and of the last call only.

// What ends the latest call, by the parentElement of the component.
const ends = new WeakMap()

/** End what the call before has begun for the same component; `end` ends what this one begins. Returns `end`. */
export function replaceCall(parentElement, end) {
  ends.get(parentElement)?.()
  ends.set(parentElement, end)
  return end
}
