"""A chart of many lines on one canvas, drawn in a fraction of the time that plotly.js needs."""

from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component(
    "mnist_lab_line_chart",
    html=assets.text("line_chart/line_chart.html"),
    css=assets.text("line_chart/line_chart.css"),
    js=assets.joined("kept.js", "line_chart/line_chart_drawing.js", "line_chart/line_chart.js"),
)


def line_chart(key: str, figure: str, label: str, height: int = 480) -> None:
    """Show a plotly figure of lines and their legend, as JSON, such as `learning_curves` makes it.

    Of the traces it reads lines, bands (`fill`) and crosses, of the axes type, range, ticks and title. A click on a
    name shows that line alone, dragging zooms, a double click shows everything again. `label` describes the chart for
    people who cannot see it; `height` is in pixels, without the legend.
    """
    _MOUNT(key=key, data={"key": key, "figure": figure, "label": label, "height": height})
