// Draws the charts whose data lie in the page, and fits them to the paper when it is printed.
const charts = [...document.querySelectorAll("script[data-chart]")].map((data) => {
  const place = document.getElementById(data.dataset.chart)
  const { data: traces, layout } = JSON.parse(data.textContent)
  Plotly.newPlot(place, traces, layout, { displayModeBar: false, responsive: true })
  return place
})
for (const moment of ["beforeprint", "afterprint"]) {
  window.addEventListener(moment, () => charts.forEach((place) => Plotly.Plots.resize(place)))
}
const hidden = () => document.querySelectorAll("details:not([open])")
window.addEventListener("beforeprint", () => hidden().forEach((part) => { part.open = true }))
