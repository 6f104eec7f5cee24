// Book-keeping of the live chart: what it holds of each run's curves. Touches no page.

/** An empty record of one run's curves; `to` is the number of the latest message that it holds, 0 before the first. */
export function emptyRun() {
  return { to: 0, curves: {} }
}

/**
 * Put a message into a run's record. A message follows on either of the two before it, so that a lost one does no harm;
 * if more are missing, the record stays as it was and the answer is false.
 */
export function accept(run, message) {
  if (run.to === message.to) return true
  if (message.from !== 0 && (run.to < message.from || run.to > message.to)) return false
  for (const name of Object.keys(run.curves)) if (!(name in message.curves)) delete run.curves[name]
  for (const [name, part] of Object.entries(message.curves)) {
    const curve = (run.curves[name] ??= { step: [], seconds: [], value: [] })
    // Nothing: the curve stays as it is.
    if (!part) continue
    // Which points stay depends on which of the two messages before was the last to arrive.
    const lengths = (run.to === message.from ? part.keep[0] : part.keep.at(-1)) ?? []
    const columns = { step: part.step, seconds: part.seconds, value: part.value }
    for (const column of Object.keys(columns)) {
      const kept = keep(curve[column], lengths)
      if (column === "value") kept.length = part.keep_values
      curve[column] = kept.concat(columns[column])
    }
  }
  run.to = message.to
  return true
}

/** A column without as many entries as the first number says, with as many as the second says, and so on. */
function keep(column, lengths) {
  let at = 0
  return lengths.flatMap((length, i) => {
    at += length
    return i % 2 ? column.slice(at - length, at) : []
  })
}
