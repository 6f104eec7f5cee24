// A pad whose drawing Python gets: each picture runs the part of the page that shows the pad.

import { keptFor } from "../kept.js"
import { beginAnew, leave, noteAnswered, padIn } from "./pad.js"

export default function sentPad({ parentElement, data, setStateValue }) {
  const pad = padIn(parentElement, data, keptFor(data.key))
  pad.send = (drawing) => setStateValue("drawing", drawing)
  pad.pause = data.pause
  // The server has forgotten this page: what is on the pad stays, and Streamlit sends the last message again.
  if (data.first && pad.seq > data.seq) data = { ...data, number: pad.number, label: pad.label }
  if (pad.number !== data.number) beginAnew(pad, data.number)
  pad.label = data.label
  noteAnswered(pad, data.seq)
  return () => leave(pad, parentElement)
}
