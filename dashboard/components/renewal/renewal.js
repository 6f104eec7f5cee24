// Asks the server what is new in parts of the page, and puts it there. Streamlit would run a part of the page for it and then
// have the browser go through all of it.

import { replaceCall } from "../latest_call.js"
import { afterRun } from "../page_run.js"
import { responseTo } from "../server_answers.js"
import { handOut } from "./renewed.js"

// Milliseconds until the server is asked again where there was no answer, and until the page is asked once more to run where
// it has not.
const AGAIN = 2000
const RUN_AGAIN = 5000

export default function renewal({ parentElement, data, setTriggerValue }) {
  let isOver = false
  let isAsking = false
  let timer
  const later = (pause) => {
    if (!isOver) timer = setTimeout(ask, pause)
  }
  // A page that nobody sees asks for nothing; it is up to date as soon as it is seen again.
  const onSeen = () => {
    if (document.hidden || isOver) return
    clearTimeout(timer)
    ask()
  }
  const run = () => {
    afterRun(() => isOver || setTriggerValue("run", Date.now()))
    // The page's run brings new data, and with them the next call of this function.
    later(RUN_AGAIN)
  }
  async function ask() {
    if (document.hidden || isAsking) return
    if (data.again) return run()
    isAsking = true
    const said = await answerTo(new URL(data.address, location.href), { view: data.view })
    isAsking = false
    if (isOver) return
    if (said?.run) return run()
    if (said) renew(said)
    later(said?.pause ?? AGAIN)
  }
  document.addEventListener("visibilitychange", onSeen)
  later(data.pause)
  return replaceCall(parentElement, () => {
    isOver = true
    clearTimeout(timer)
    document.removeEventListener("visibilitychange", onSeen)
  })
}

/** { html, messages, pause }, or { run: true } where the page itself has to run; null where there is no answer. */
async function answerTo(url, question) {
  const response = await responseTo(url, question)
  // This server does not know the page: it was started anew, or another one is behind the same address.
  if (response?.status === 404) return { run: true }
  return response?.ok ? response.json().catch(() => null) : null
}

function renew({ html, messages }) {
  for (const [key, text] of Object.entries(html)) {
    const place = document.querySelector(`[data-renewed="${key}"]`)
    if (!place) continue
    const wanted = document.createElement("template")
    wanted.innerHTML = text
    liken(place, wanted.content)
  }
  handOut(messages)
}

/** Give a part of the page other content. What is the same stays, so that bars glide and a selection of text is not lost. */
function liken(place, wanted) {
  const [before, after] = [[...place.childNodes], [...wanted.childNodes]]
  const isAlike = before.length === after.length && before.every((node, i) => node.nodeName === after[i].nodeName)
  if (!isAlike) return place.replaceChildren(...after)
  before.forEach((node, i) => {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data !== after[i].data) node.data = after[i].data
      return
    }
    for (const { name, value } of after[i].attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value)
    for (const { name } of [...node.attributes]) if (!after[i].hasAttribute(name)) node.removeAttribute(name)
    liken(node, after[i])
  })
}
