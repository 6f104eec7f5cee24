// What a person has set in a component. Streamlit may mount it anew at any run of the page, mostly on a busy machine.

/** The object in which the component with this key keeps its settings: the same one until another page is opened. */
export function keptFor(key) {
  const page = location.pathname
  if (window.mnistLabKept?.page !== page) window.mnistLabKept = { page, components: new Map() }
  const { components } = window.mnistLabKept
  if (!components.has(key)) components.set(key, {})
  return components.get(key)
}
