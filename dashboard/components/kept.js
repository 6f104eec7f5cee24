// Settings that a person has made in a component. Streamlit may mount it again at any run of the page, and would lose them.

/** The object for the settings of the component with this key; it is the same until another page is opened. */
export function keptFor(key) {
  const page = location.pathname
  if (window.mnistLabKept?.page !== page) window.mnistLabKept = { page, components: new Map() }
  const { components } = window.mnistLabKept
  if (!components.has(key)) components.set(key, {})
  return components.get(key)
}

/** The same for what stays when another page is opened, until the browser loads the app anew. */
export function lastingFor(key) {
  const components = (window.mnistLabLasting ??= new Map())
  if (!components.has(key)) components.set(key, {})
  return components.get(key)
}
