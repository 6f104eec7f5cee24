// What networks read in the drawing of a pad on the same page. The server is asked for each picture outside Streamlit, which
// would run a part of the page and then have the browser go through all of it.

import { lastingFor } from "../kept.js"
import { replaceCall } from "../latest_call.js"
import { responseTo } from "../server_answers.js"
import { ANSWERED, DRAWN } from "./drawing_events.js"

// Milliseconds until the server is asked again where there was no answer.
const AGAIN = 2000

// Views by their parentElement: Streamlit calls the default export again at every update.
const views = new WeakMap()

export default function drawingAnswers({ parentElement, data }) {
  const view = views.get(parentElement) ?? mount(parentElement)
  view.data = data
  const { drawing } = lastingFor(data.key)
  if (!drawing || !view.place.firstChild) view.place.innerHTML = data.html
  // The page has run: other networks may be chosen, or the same may have learned meanwhile.
  if (drawing) ask(view)
  const onDrawing = ({ detail }) => detail.key === data.key && ask(view)
  document.addEventListener(DRAWN, onDrawing)
  return replaceCall(parentElement, () => document.removeEventListener(DRAWN, onDrawing))
}

function mount(parentElement) {
  const root = parentElement.querySelector(".drawing-answers")
  const view = { root, place: root.querySelector(".place"), note: root.querySelector(".note") }
  views.set(parentElement, view)
  return view
}

// One question at a time; the next one is about the newest picture.
async function ask(view) {
  view.isNew = true
  if (view.isAsking) return
  view.isAsking = true
  clearTimeout(view.timer)
  while (view.isNew) {
    view.isNew = false
    await answer(view)
  }
  view.isAsking = false
}

async function answer(view) {
  const { key, address, runs } = view.data
  const { image, seq, ended } = lastingFor(key).drawing
  const said = await answerTo(new URL(address, location.href), { runs, image, seq, ended })
  if (said.html !== undefined) {
    view.place.innerHTML = said.html
    document.dispatchEvent(new CustomEvent(ANSWERED, { detail: { key, seq, pause: said.pause } }))
  }
  const problem = said.problem ?? ""
  if (view.note.textContent !== problem) view.note.textContent = problem
  view.note.hidden = !problem
  if (said.passes) view.timer = setTimeout(() => view.root.isConnected && ask(view), AGAIN)
}

/** { html, pause }, or { problem }, a sentence for the person, with `passes` where it is worth asking again. */
async function answerTo(url, question) {
  const response = await responseTo(url, question)
  const answer = await response?.json().catch(() => null)
  return answer ?? { problem: "The app does not answer; it is asked again every two seconds. Your drawing stays.", passes: true }
}
