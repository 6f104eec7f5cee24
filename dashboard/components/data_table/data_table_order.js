// In which order the rows of a table stand.

const WORDS = new Intl.Collator("en")
// A minus belongs to a number where nothing stands right before it: "rate=-1", but not "mlp-300".
const NUMBER = /((?:(?<![\w.)\]-])-)?\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i

/** The places of the rows in the order of a column; rows without a value come last, whichever way. */
export function sorted(places, { values, right, kind }, descending) {
  const counted = right || kind === "time"
  const keys = new Map(places.filter((place) => stands(values[place])).map((place) => [place, values[place]]))
  if (!counted) keys.forEach((value, place) => keys.set(place, parts(String(value))))
  const compare = counted ? (a, b) => a - b : compareParts
  const known = places.filter((place) => keys.has(place))
  known.sort((a, b) => (descending ? -1 : 1) * compare(keys.get(a), keys.get(b)))
  return [...known, ...places.filter((place) => !keys.has(place))]
}

/** Whether there is a value: no empty list, not none. */
export function stands(value) {
  return value !== null && value.length !== 0
}

/** A text as words and numbers by turns: people look for width=20 before width=100, and for 0.05 before 0.5. */
function parts(text) {
  return text.split(NUMBER).map((part, place) => (place % 2 ? Number(part) : part))
}

function compareParts(a, b) {
  for (let place = 0; place < Math.min(a.length, b.length); place += 1) {
    if (a[place] === b[place]) continue
    const order = place % 2 ? a[place] - b[place] : WORDS.compare(a[place], b[place])
    if (order) return order
  }
  return a.length - b.length
}
