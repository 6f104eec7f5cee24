// The points of each line as the chart has received them. Nothing here touches the page.

/** What a chart holds before the first message; `to` is the number of the latest message that it has received. */
export function emptyChart() {
  return { to: 0, shape: null, lines: new Map() }
}

/**
 * Add a message to what a chart holds. A message can follow either of the two before it, so that one may be lost. If
 * more are missing, everything stays as it was and the result is false. A message from 0 has every point.
 */
export function accept(held, message) {
  if (held.to === message.to) return true
  if (message.from !== 0 && (held.to < message.from || held.to > message.to)) return false
  held.shape = message.shape ?? held.shape
  const lines = new Map()
  held.shape.lines.forEach(({ id }, i) => {
    const before = (message.from !== 0 && held.lines.get(id)) || { x: new Float32Array(), y: new Float32Array() }
    lines.set(id, message.parts[i] ? joined(before, message.parts[i], held.to === message.from) : before)
  })
  Object.assign(held, { lines, to: message.to })
  return true
}

// Which points stay depends on which of the two earlier messages has arrived last. Of `y` fewer may stay than of `x`.
function joined(before, part, isOlder) {
  const lengths = (isOlder ? part.keep[0] : part.keep.at(-1)) ?? []
  const y = kept(before.y, lengths)
  return {
    x: concatenated([...kept(before.x, lengths), numbers(part.x)]),
    y: concatenated([concatenated(y).subarray(0, part.keep_y), numbers(part.y)]),
  }
}

// Parts of a column by run lengths: the first number of entries is left out, the second is kept, and so on.
function kept(column, lengths) {
  let end = 0
  return lengths.flatMap((length, i) => {
    end += length
    return i % 2 ? [column.subarray(end - length, end)] : []
  })
}

function concatenated(parts) {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}

// Numbers arrive as float32 in base64.
function numbers(packed) {
  const letters = atob(packed)
  const bytes = new Uint8Array(letters.length)
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i)
  return new Float32Array(bytes.buffer)
}
