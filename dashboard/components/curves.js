// Arithmetic of the live chart: smoothing, thinning and the book-keeping of points. Touches no page.

/** An empty record of one run's points; `to` is the last row of the store that it holds. */
export function emptyRun() {
  return { to: 0, train: emptyPoints(), validation: emptyPoints() }
}

function emptyPoints() {
  return { step: [], loss: [], accuracy: [], seconds: [] }
}

/**
 * Put an update into a run's record. Updates overlap, so that a lost one does no harm; if rows are missing all the
 * same, the record stays as it was and the answer is false.
 */
export function accept(run, update) {
  if (update.from === 0) Object.assign(run, emptyRun())
  if (update.from > run.to) return false
  append(run.train, update.train, run.to)
  append(run.validation, update.validation, run.to)
  run.to = Math.max(run.to, update.to)
  return true
}

// A run that was resumed from an earlier checkpoint reports some steps once more: the later report counts.
function append(points, more, known) {
  const first = more ? more.id.findIndex((id) => id > known) : -1
  if (first < 0) return
  let keep = points.step.length
  while (keep > 0 && points.step[keep - 1] >= more.step[first]) keep -= 1
  for (const column of Object.keys(points)) {
    points[column].length = keep
    for (let i = first; i < more.id.length; i += 1) points[column].push(more[column][i])
  }
}

/**
 * Exponential moving average of `values`, divided by the weight that it has gathered, so that its start is not
 * pulled towards zero (the bias correction of Adam, Kingma and Ba 2015). null (not a number) is passed over.
 */
export function smooth(values, weight) {
  let sum = 0
  let gathered = 0
  return values.map((value) => {
    if (value === null) return null
    sum = weight * sum + (1 - weight) * value
    gathered = weight * gathered + (1 - weight)
    return sum / gathered
  })
}

/**
 * Indices of at most `limit` points that look the same on screen as all points with low <= x <= high: the smallest
 * and the largest y of each of limit/2 columns of equal width, and the neighbour outside on either side, so that
 * lines run off the edge. `scale` maps x to the screen (identity or logarithm); x must not fall.
 */
export function thin(x, y, limit, low = -Infinity, high = Infinity, scale = (value) => value) {
  const seen = []
  for (let i = 0; i < x.length; i += 1) {
    if (y[i] === null || !Number.isFinite(scale(x[i]))) continue
    if (i + 1 < x.length && x[i + 1] < low) continue
    seen.push(i)
    if (x[i] > high) break
  }
  if (seen.length <= limit) return seen

  const start = scale(x[seen[0]])
  const columns = Math.max(1, Math.floor(limit / 2))
  const width = (scale(x[seen[seen.length - 1]]) - start) / columns || 1
  const kept = []
  for (let next = 0; next < seen.length; ) {
    const column = Math.min(columns - 1, Math.floor((scale(x[seen[next]]) - start) / width))
    let least = seen[next]
    let most = least
    for (; next < seen.length; next += 1) {
      const i = seen[next]
      if (Math.min(columns - 1, Math.floor((scale(x[i]) - start) / width)) !== column) break
      if (y[i] < y[least]) least = i
      if (y[i] > y[most]) most = i
    }
    kept.push(Math.min(least, most))
    if (least !== most) kept.push(Math.max(least, most))
  }
  return kept
}
