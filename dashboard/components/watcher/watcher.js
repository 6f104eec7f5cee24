// Asks the server whether the messages above every page have changed; draws nothing.

import { replaceCall } from "../latest_call.js"
import { afterRun } from "../page_run.js"

// Milliseconds between two requests.
const PAUSE = 3000

export default function ({ parentElement, data, setTriggerValue }) {
  // The page contains the address of the server (dashboard/frame/serving.py); without it there is no server to ask.
  const server = window.__streamlit?.BACKEND_BASE_URL
  if (!server) return
  let waits = false
  const look = async () => {
    const answer = await fetch(new URL(data.address, server)).catch(() => null)
    // The person was sent out: the page that the server gives now says so.
    if (answer?.status === 401) location.reload()
    if (!answer?.ok || waits) return
    const now = (await answer.json()).digest
    if (now === data.digest || waits) return
    waits = true
    afterRun(() => {
      waits = false
      if (timer) setTriggerValue("changed", now)
    })
  }
  let timer = setInterval(look, PAUSE)
  return replaceCall(parentElement, () => (timer = clearInterval(timer)))
}
