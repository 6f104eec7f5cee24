// The order of the rows of a table.

const WORDS = new Intl.Collator("en")
// A minus sign belongs to a number only if no letter or digit comes before it: in "rate=-1", but not in "mlp-300".
const NUMBER = /((?:(?<![\w.)\]-])-)?\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i

/** Indices of rows sorted by a column; rows without a value come last in both directions. */
export function sorted(rows, { values, right, kind }, descending) {
  const isNumeric = right || kind === "time"
  const keys = new Map(rows.filter((index) => hasValue(values[index])).map((index) => [index, values[index]]))
  if (!isNumeric) keys.forEach((value, index) => keys.set(index, parts(String(value))))
  const compare = isNumeric ? (a, b) => a - b : compareParts
  const withValue = rows.filter((index) => keys.has(index))
  withValue.sort((a, b) => (descending ? -1 : 1) * compare(keys.get(a), keys.get(b)))
  return [...withValue, ...rows.filter((index) => !keys.has(index))]
}

/** Whether a cell has a value: neither null nor an empty list. */
export function hasValue(value) {
  return value !== null && value.length !== 0
}

/** A text as alternating words and numbers, so that width=20 comes before width=100, and 0.05 before 0.5. */
function parts(text) {
  return text.split(NUMBER).map((part, index) => (index % 2 ? Number(part) : part))
}

function compareParts(a, b) {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    if (a[index] === b[index]) continue
    const order = index % 2 ? a[index] - b[index] : WORDS.compare(a[index], b[index])
    if (order) return order
  }
  return a.length - b.length
}
