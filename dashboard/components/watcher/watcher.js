// Asks the server whether the messages above every page have changed; draws nothing.

import { replaceCall } from "../latest_call.js"
import { afterRun } from "../page_run.js"
import { responseTo } from "../server_answers.js"

// Milliseconds between two requests.
const PAUSE = 3000

export default function ({ parentElement, data, setTriggerValue }) {
  let waits = false
  const look = async () => {
    const response = await responseTo(new URL(data.address, location.href))
    if (!response?.ok || waits) return
    const now = (await response.json()).digest
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
