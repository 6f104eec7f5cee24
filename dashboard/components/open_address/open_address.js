// Opens an address of this app in place of the page.

import { afterRun } from "../page_run.js"

// Longest wait in milliseconds for a run of the page, which ends with the page anyway.
const RUN_PATIENCE = 3000

export default function ({ data }) {
  const server = window.__streamlit?.BACKEND_BASE_URL ?? new URL(".", location.href).href
  const address = new URL(data.path, server)
  // Only pages of this app.
  if (address.origin === location.origin) afterRun(() => location.assign(address), RUN_PATIENCE)
}
