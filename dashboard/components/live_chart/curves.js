// The curves of each run as the live chart has received them. Nothing here touches the page.

/** An empty record of one run's curves; `to` is the number of the latest message that it holds, 0 before the first. */
export function emptyRun() {
  return { to: 0, curves: {} }
}

/**
 * Add a message to a run's record. A message can follow either of the two before it, so that one may be lost. If more
 * are missing, the record stays as it was and the result is false.
 */
export function accept(run, message) {
  if (run.to === message.to) return true
  if (message.from !== 0 && (run.to < message.from || run.to > message.to)) return false
  for (const name of Object.keys(run.curves)) if (!(name in message.curves)) delete run.curves[name]
  for (const [name, part] of Object.entries(message.curves)) {
    const curve = (run.curves[name] ??= { step: [], seconds: [], value: [] })
    // A part that is null leaves the curve as it is.
    if (!part) continue
    // Which points stay depends on which of the two earlier messages has arrived last.
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

/** Entries of a column by run lengths: the first number of entries is left out, the second is kept, and so on. */
function keep(column, lengths) {
  let end = 0
  return lengths.flatMap((length, i) => {
    end += length
    return i % 2 ? column.slice(end - length, end) : []
  })
}
