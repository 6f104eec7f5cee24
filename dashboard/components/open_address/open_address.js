// Opens an address of this app in place of the page.

import { afterRun } from "../page_run.js"

export default function ({ data }) {
  const server = window.__streamlit?.BACKEND_BASE_URL ?? new URL(".", location.href).href
  const address = new URL(data.path, server)
  // Only pages of this app.
  if (address.origin === location.origin) afterRun(() => location.assign(address))
}
