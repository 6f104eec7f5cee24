"""Texts that strangers wrote, made fit for where they are shown: one function for each kind of place.

Names, tags and notes, links, archives, names of files and folders: a text that somebody else may have written goes
through the function of the place where it is shown, and is then shown letter by letter there. It never becomes a
picture, a link, markup, a formula or a code that steers a terminal.
"""

import html
import re
from collections.abc import Mapping
from unicodedata import category

# Invisible and without width. Put between two signs, it keeps them from being read as one mark.
_JOINER = "\u2060"
# Streamlit's Markdown replaces these after it has read the escapes, so a backslash does not help: emoji and icons
# (:smile:, :material/home:), addresses of pages and of mail, and arrows and dashes that stand by themselves.
_TURNED = re.compile(
    r":(?=[\w+/-]+:)|(?<=https:)(?=//)|(?<=http:)(?=//)|(?<=www)(?=\.)|(?=@)|(?<=(?<!\S)[-<>~])(?=(?:->|[-=>])(?!\S))",
    re.IGNORECASE,
)
# Signs that have a meaning in Markdown wherever they stand: emphasis, code, links, HTML, entities, formulas, tables.
_MARKS = re.compile(r"[\\`*_\[\]<>|~$&{}]|:(?=[A-Za-z])")
# Signs that have a meaning only at the beginning of a text: headings, lists, lines.
_BEGINNING = re.compile(r"^( ?(?:[0-9]{1,9}(?=[.)](?: |$)))?)(?=[#=.)]|[+-](?:[ -]|$))")
# Texts that a spreadsheet would compute as a formula; plain numbers are left out. Python and JavaScript both use this
# expression.
FORMULA = re.compile(
    r"^(?![+\-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?%?$)[\s'\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]"
)


def one_line(text: str) -> str:
    """The text on one line of printable signs: line ends, control and direction marks and the like become a blank."""
    if text.isprintable():
        return text
    # Python calls narrow and unbreakable blanks unprintable; they are harmless.
    printable = "".join(sign if sign.isprintable() or category(sign) == "Zs" else " " for sign in text)
    return re.sub(" +", " ", printable).strip()


def brief(text: str, letters: int = 80) -> str:
    """The beginning of a text, for a message that repeats what somebody has written."""
    return text if len(text) <= letters else f"{text[:letters]}…"


def brief_value(value: object) -> str:
    """Any value as a message repeats it, for one that has a wrong kind."""
    try:
        return brief(ascii(value))
    except ValueError:
        # Python writes no number of more than 4,300 digits.
        return "a number of very many digits"


def fitted(text: str, letters: int) -> str:
    """The text if it fits into this many letters, else its beginning with "…" as the last of them."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def cut_middle(text: str, letters: int) -> str:
    """The text if it fits into this many letters, else its beginning and its end with "…" between them.

    Names of runs often begin alike ("conv(16, 5) …"), and differ in what stands last (a learning rate, a seed).
    """
    if len(text) <= letters:
        return text
    kept = max(letters - 1, 0)
    tail = kept // 2
    return f"{text[: kept - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"


def is_text(value: object) -> bool:
    """Whether every text in a value of JSON can be written down: half of a sign, which JSON can hold, cannot."""
    # Not by recursion: values may be nested deeper than Python's stack allows.
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if not item.isascii() and any("\ud800" <= sign <= "\udfff" for sign in item):
                return False
        elif isinstance(item, Mapping):
            waiting += [*item, *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
    return True


def in_terminal(text: str) -> str:
    """The text as lines that a terminal shows, without codes that steer it; for rich, which needs `markup=False`."""
    return "\n".join(map(one_line, text.split("\n")))


def in_markdown(text: str) -> str:
    """The text on one line, as Markdown, Streamlit's above all, shows it letter by letter.

    It may stand alone or inside of other Markdown, and in every label, caption, message and help text of Streamlit.
    """
    line = re.sub(r"^ +", " ", one_line(text))
    escaped = _MARKS.sub(r"\\\g<0>", _TURNED.sub(rf"\g<0>{_JOINER}", line))
    return _BEGINNING.sub(r"\1\\", escaped)


def in_html(text: object) -> str:
    """The text on one line, for HTML: between tags, and inside of quoted attributes."""
    return html.escape(one_line(str(text)))


def in_plotly(text: object) -> str:
    """The text on one line, for labels, titles and hover texts of plotly, which reads tags, entities and %{...}.

    Of entities it knows few: quotes stay as they are.
    """
    return html.escape(one_line(str(text)), quote=False).replace("%{", f"%{_JOINER}{{")


def in_docstring(text: str) -> str:
    '''The text as it can stand between two """: on one line, quotes as ' and no backslash.'''
    return one_line(re.sub(r'[\\"]', "'", text))


def in_table_cell(text: str) -> str:
    """The text as code in a cell of a Markdown table, which no sign of it can end."""
    return f"`{one_line(text).replace('`', ' ').replace('|', ' ')}`"


def in_spreadsheet(text: str) -> str:
    """The text as a spreadsheet shows it: one that begins like a formula would be computed. Numbers stay numbers."""
    return f"'{text}" if FORMULA.search(text) else text
