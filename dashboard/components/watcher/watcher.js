// Asks the server whether what stands above every page still holds; nothing is drawn here.

import { afterRun } from "../page_run.js"

const LOOK = 3000 // milliseconds

export default function ({ data, setTriggerValue }) {
  // Where the server lies is said by the page itself (dashboard/serving.py); without that there is nobody to ask.
  const server = window.__streamlit?.BACKEND_BASE_URL
  if (!server) return
  const look = async () => {
    const answer = await fetch(new URL(data.address, server)).catch(() => null)
    if (!answer?.ok) return
    const now = (await answer.json()).digest
    if (now !== data.digest) afterRun(() => setTriggerValue("changed", now))
  }
  const timer = setInterval(look, LOOK)
  return () => clearInterval(timer)
}
