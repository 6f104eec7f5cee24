"""Texts that strangers wrote, such as names and notes in an imported archive, made fit to be shown or written out."""

import re

_FORMULA = re.compile(r"[=+\-@]")


def one_line(text: str) -> str:
    """The text on one line of printable signs: line ends, control and direction marks and the like become a blank."""
    if text.isprintable():
        return text
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def in_docstring(text: str) -> str:
    '''The text as it can stand between two """: on one line, quotes as ' and no backslash.'''
    return one_line(re.sub(r'[\\"]', "'", text))


def in_markdown(text: str) -> str:
    """The text on one line, as Markdown shows it as it is, without emphasis, links, pictures or HTML."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", one_line(text))


def in_table_cell(text: str) -> str:
    """The text as code in a cell of a Markdown table, which no sign of it can end."""
    return f"`{one_line(text).replace('`', ' ').replace('|', ' ')}`"


def in_spreadsheet(text: str) -> str:
    """The text as a spreadsheet shows it; one that begins like a formula would be reckoned out."""
    return f"'{text}" if _FORMULA.match(text.lstrip()) else text
