"""Tables for a terminal of any width, without rich's own fitting, which cuts off columns that find no room."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

# A column that may be folded within words keeps this width.
_LEAST_FOLDED = 8
# Empty cells around each column.
_BESIDE = 2


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], folded: str = "") -> None:
    """Print a table. Where the terminal is too narrow, the column `folded` is folded first, then others between words.

    Where that is not enough, lines are longer than the terminal, which breaks them: nothing is cut off.
    """
    console = Console(markup=False, emoji=False, highlight=False)
    widths = _column_widths(head, rows, folded, console.width)
    console.width = max(console.width, sum(widths) + _BESIDE * len(widths))
    table = Table(box=None)
    for title, width in zip(head, widths, strict=True):
        table.add_column(title, width=width, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _column_widths(head: Sequence[str], rows: Sequence[Sequence[str]], folded: str, room: int) -> list[int]:
    """The width of each column in cells, so that all fit into `room` if they can."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    # A space that does not break keeps a number and its unit together.
    least = [max(cell_len(word) for cell in column for word in cell.split(" ")) for column in columns]
    if folded:
        least[head.index(folded)] = min(_LEAST_FOLDED, widths[head.index(folded)])
    excess = sum(widths) + _BESIDE * len(widths) - room
    # The column that may be folded gives first, then those with the most to give.
    for index in sorted(range(len(head)), key=lambda index: (head[index] != folded, least[index] - widths[index])):
        given = min(max(0, excess), widths[index] - least[index])
        widths[index] -= given
        excess -= given
    return widths
