// Scales from values to pixels, and ticks at round values. Nothing here touches the page.

// A logarithmic axis has no 0.
const LEAST = 1e-9

/**
 * The scale of an axis that shows values between `ends` from pixel `first` to pixel `last`: `to(value)` gives pixels,
 * `back(pixel)` a value. With `leastError` (%) it is an axis of errors that are at least so large, and accuracies of 99
 * and 99.5 lie as far apart as 90 and 95.
 */
export function scaleOf({ ends, whole, log, leastError }, first, last) {
  const asErrors = Boolean(leastError)
  let onAxis = (value) => value
  let toValue = (position) => position
  if (asErrors) {
    onAxis = (value) => -Math.log10(Math.max(100 - value, leastError))
    toValue = (position) => 100 - 10 ** -position
  } else if (log) {
    onAxis = Math.log10
    toValue = (position) => 10 ** position
    // A part that was chosen on a linear axis may begin at 0.
    ends = [ends[0] > 0 ? ends[0] : whole[0], ends[1] > 0 ? ends[1] : whole[1]]
  }
  const [low, high] = ends.map(onAxis)
  const factor = (last - first) / (high - low || 1)
  const to = (value) => first + (onAxis(value) - low) * factor
  return { ends, log, asErrors, to, back: (pixel) => toValue(low + (pixel - first) / factor) }
}

/** Ticks of a scale as [value, label], about `most` of them. */
export function ticksOf(scale, most) {
  const [low, high] = scale.ends
  if (scale.log) {
    const labelled = logarithmic(scale.asErrors ? 100 - high : low, scale.asErrors ? 100 - low : high, most, scale.asErrors)
    if (labelled.length > 2) return labelled
  }
  return linear(low, high, most).filter(([value]) => !scale.log || scale.asErrors || value > 0)
}

// Ticks at every digit, at 1, 2 and 5, at 1 and 5, or at 1 only: the most that fit.
function logarithmic(low, high, most, asErrors) {
  const [first, last] = [Math.floor(Math.log10(Math.max(low, LEAST))), Math.ceil(Math.log10(high))]
  let values = []
  for (const digits of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 5], [1]]) {
    values = []
    for (let power = first; power <= last; power += 1) {
      // Division is exact for negative powers where multiplication is not.
      for (const digit of digits) values.push(power < 0 ? digit / 10 ** -power : digit * 10 ** power)
    }
    values = values.filter((value) => value >= low * 0.9999 && value <= high * 1.0001)
    if (values.length <= most) break
  }
  return values.map((value) => (asErrors ? [100 - value, String(Number((100 - value).toFixed(6)))] : [value, short(value)]))
}

function linear(low, high, most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most))
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => (high - low) / size <= most)
  const digits = Math.min(20, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))
  const labelled = []
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step && labelled.length < 100; i += 1) {
    // Adding 0 turns -0 into 0.
    const value = i * step + 0
    labelled.push([value, value >= 1e7 ? short(value) : grouped(value, digits)])
  }
  return labelled
}

/** A value of the vertical axis in few digits. */
export function written(metric, value) {
  if (metric === "accuracy") return `${value.toFixed(2)}%`
  if (metric === "accuracy difference") return `${value > 0 ? "+" : ""}${value.toFixed(2)} points`
  if (metric === "loss difference") return `${value > 0 ? "+" : ""}${Number(value.toPrecision(3))}`
  return Math.abs(value) < 1e-4 || value >= 1e6 ? value.toPrecision(4) : String(Number(value.toPrecision(4)))
}

/** A value of the horizontal axis with what stands around it: "step 26". */
export function readOff({ name, before, after }, value) {
  const counts = name === "step" || name === "images"
  return `${before}${counts ? grouped(Math.round(value), 0) : Number(value.toPrecision(4)).toLocaleString("en-US")}${after}`
}

function grouped(value, digits) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

// A round number in few letters: 0.05, 20, 5k, 2M.
function short(value) {
  for (const [size, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size && value < 1e15) return `${Number((value / size).toPrecision(6))}${letter}`
  }
  return value < 1e-6 || value >= 1e15 ? value.toExponential(0) : String(Number(value.toPrecision(6)))
}
