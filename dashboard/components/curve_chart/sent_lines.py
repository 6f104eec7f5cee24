"""Messages to the chart of curves: everything at once, or of lines that grow only what the browser lacks."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mnist_core.plots import CurveChart, Line, dash_lengths

# Of so many latest messages the browser may have received only one.
_OVERLAP = 2
# While a curve grows, the browser's values may differ from the exact ones by this fraction.
_TOLERANCE = 5e-5
_NONE = np.empty(0, dtype=np.float32)


@dataclass(frozen=True)
class SentLine:
    """A line as it was, and the heights that the browser has for it: `y` (N,)."""

    line: Line
    y: np.ndarray

    @property
    def is_exact(self) -> bool:
        """Whether the browser has the line's own heights, not only heights within the tolerance."""
        return self.y is self.line.y or np.array_equal(self.y, self.line.y)


@dataclass(frozen=True)
class SentMessage:
    """A message to the browser, and what the browser has once it has arrived."""

    number: int
    shape: dict[str, Any]
    lines: Mapping[str, SentLine]


@dataclass
class ChartHistory:
    """The latest messages that were sent of a chart whose lines grow, the oldest first."""

    sent: list[SentMessage] = field(default_factory=list)

    def message(self, chart: CurveChart) -> tuple[dict[str, Any], SentMessage]:
        """The message to send now, and its record for `note` once it is sent.

        The browser may have missed the latest message. So a message says for each line which points stay, of those
        that are the same in both messages before it, and which points follow. The first two messages have all points.
        """
        previous = self.sent if len(self.sent) == _OVERLAP else []
        number = max([time.time_ns() // 1_000_000, *(sent.number + 1 for sent in self.sent)])
        shape, parts, lines = _shape(chart), [], {}
        for line in chart.lines:
            part, lines[line.id] = _part(line, [sent.lines.get(line.id) for sent in previous])
            parts.append(part)
        is_same = bool(previous) and all(sent.shape == shape for sent in previous)
        message = {
            "from": previous[0].number if previous else 0,
            "to": number,
            "shape": None if is_same else shape,
            "ends": _ends(chart),
            "parts": parts,
        }
        return message, SentMessage(number, shape, lines)

    def note(self, sent: SentMessage) -> None:
        """Remember what was sent."""
        self.sent = [*self.sent, sent][-_OVERLAP:]

    def forget(self) -> None:
        """The next message has all points."""
        self.sent = []


def whole_message(chart: CurveChart) -> dict[str, Any]:
    """The chart with all points; the same chart makes the same message, whose number is a digest."""
    parts = [_part(line, [])[0] for line in chart.lines]
    content = {"shape": _shape(chart), "ends": _ends(chart), "parts": parts}
    return {"from": 0, "to": hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16], **content}


def _shape(chart: CurveChart) -> dict[str, Any]:
    """All that is drawn, but for the points and the ends of the axes, which change while curves grow."""
    axis = asdict(chart.x)
    del axis["ends"]
    looks = ("id", "group", "role", "kind", "colour", "width", "opacity", "symbol")
    return {
        "x": axis,
        "panels": [
            {name: getattr(panel, name) for name in ("title", "metric", "log", "least_error")} for panel in chart.panels
        ],
        "entries": [asdict(entry) | {"dash": dash_lengths(entry.dash)} for entry in chart.entries],
        "kinds": [asdict(kind) | {"dash": dash_lengths(kind.dash, max(3, kind.width))} for kind in chart.kinds],
        "lines": [
            {name: getattr(line, name) for name in looks}
            | {"panel": index, "dash": dash_lengths(line.dash, max(3, line.width))}
            for index, panel in enumerate(chart.panels)
            for line in panel.lines
        ],
    }


def _ends(chart: CurveChart) -> dict[str, Any]:
    return {"x": chart.x.ends, "y": [panel.ends for panel in chart.panels]}


def _part(line: Line, sent: Sequence[SentLine | None]) -> tuple[dict[str, Any] | None, SentLine]:
    """What turns any of the lines that the browser may have into this one, and the line that it has then.

    None if the browser has this one already. For each line that it may have, the part says which points stay: of too
    many points every other one is dropped. Over seconds, every new point moves all smoothed values a little, because
    the typical distance of points changes: values of a growing line within the tolerance are not sent again. Once it
    rests, the browser gets exact values.
    """
    earlier = [previous for previous in sent if previous is not None]
    earlier = earlier if earlier and len(earlier) == len(sent) else []
    if earlier and all(previous.line is line and previous.is_exact for previous in earlier):
        return None, earlier[-1]
    is_sent = np.full(len(line.step), bool(earlier))
    for previous in earlier:
        is_sent &= np.isin(line.step, previous.line.step)
    count = _count_leading(is_sent)
    stays = [np.isin(previous.line.step, line.step[:count]) for previous in earlier]
    for previous, mask in zip(earlier, stays, strict=True):
        if int(mask.sum()) != count or not np.array_equal(previous.line.x[mask], line.x[:count]):
            # Across another axis, or of a run that repeats steps: all points are new.
            count, stays = 0, [np.zeros(len(other.line.step), dtype=bool) for other in earlier]
            break
    heights = _count_kept_heights(line, earlier, stays, count)
    if earlier and all(len(previous.y) == heights == len(line.y) for previous in earlier):
        return None, SentLine(line, earlier[-1].y)
    latest = earlier[-1].y[stays[-1]][:heights] if earlier else _NONE
    keep = [_run_lengths(mask) for mask in stays]
    part = {
        "keep": keep[:1] if keep[:1] == keep[1:] else keep,
        "keep_y": heights,
        "x": _packed(line.x[count:]),
        "y": _packed(line.y[heights:]),
    }
    return part, SentLine(line, line.y if not heights else np.concatenate((latest, line.y[heights:])))


def _count_kept_heights(line: Line, earlier: Sequence[SentLine], stays: Sequence[np.ndarray], count: int) -> int:
    is_growing = bool(earlier) and earlier[-1].line.step[-1:].tolist() != line.step[-1:].tolist()
    if not is_growing and not all(previous.is_exact for previous in earlier):
        return 0
    kept = count
    for previous, mask in zip(earlier, stays, strict=True):
        difference = np.abs(previous.y[mask] - line.y[:count])
        kept = min(kept, _count_leading(difference <= (_TOLERANCE if is_growing else 0) * np.abs(line.y[:count])))
    return kept


def _count_leading(true: np.ndarray) -> int:
    return len(true) if true.all() else int(true.argmin())


def _run_lengths(kept: np.ndarray) -> list[int]:
    """Run lengths of a mask: how many entries to leave out, to keep, to leave out, and so on; the rest is left out."""
    return np.diff(np.flatnonzero(np.diff(kept, prepend=False, append=False)), prepend=0).tolist()


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()
