// A pad whose pictures are answered on the page (drawing_answers.js), and whose drawing stays in the browser.

import { lastingFor } from "../kept.js"
import { replaceCall } from "../latest_call.js"
import { ANSWERED, DRAWN } from "../drawing_answers/drawing_events.js"
import { leave, noteAnswered, padIn } from "./pad.js"

export default function askingPad({ parentElement, data }) {
  const kept = lastingFor(data.key)
  const { seq = 0, strokes = [] } = kept.drawing ?? {}
  const pad = padIn(parentElement, { seq, strokes, number: 0 }, kept)
  pad.pause ??= data.pause
  pad.send = (drawing) => {
    // While the pen is down, the strokes are those that had ended before.
    kept.drawing = { ...drawing, strokes: drawing.strokes ?? kept.drawing?.strokes ?? [] }
    document.dispatchEvent(new CustomEvent(DRAWN, { detail: { key: data.key } }))
  }
  const onAnswer = ({ detail }) => {
    if (detail.key !== data.key) return
    pad.pause = detail.pause
    noteAnswered(pad, detail.seq)
  }
  document.addEventListener(ANSWERED, onAnswer)
  const end = replaceCall(parentElement, () => document.removeEventListener(ANSWERED, onAnswer))
  return () => {
    end()
    leave(pad, parentElement)
  }
}
