"""The reference of settings and commands, made from the code.

By `python -m mnist_core.commands.settings_reference > docs/settings.md`.
"""

import inspect

from mnist_core.commands.cli import app
from mnist_core.config import FIELD_GROUPS, FieldInfo, list_config_fields

_INTRODUCTION = """# Settings and commands

Made by `python -m mnist_core.commands.settings_reference > docs/settings.md`; a test compares it with the code.

Every setting is a field of `RunConfig`. The Train page shows it under its label, the command line as a flag
(`learning_rate` is `--learning-rate`), and a link to the Train page may carry it (`train?epochs=20`).
"""


def settings_markdown() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for group in FIELD_GROUPS:
        rows = [_row(field) for field in list_config_fields() if field.group == group]
        parts.append(
            f"## {group}\n\n| setting | label | values | default | meaning |\n|---|---|---|---|---|\n"
            + "\n".join(rows)
            + "\n"
        )
    parts.append(
        "## Commands\n\n`python -m mnist_core COMMAND --help` lists a command's flags. "
        "An error that you can correct is one line, and the exit code is 2.\n"
    )
    groups = {"": app} | {f"{group.name} ": group.typer_instance for group in app.registered_groups}
    for prefix, group in groups.items():
        assert group is not None
        for command in group.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            parts.append(f"- `python -m mnist_core {prefix}{name}`: {inspect.getdoc(command.callback)}")
    return "\n".join(parts) + "\n"


def _row(field: FieldInfo) -> str:
    default = "empty" if field.default in (None, "") else f"`{field.default}`"
    condition = " and ".join(f"{name} is {' or '.join(map(str, values))}" for name, values in field.when.items())
    help = (f"{field.help} Only where {condition}." if condition else field.help).replace("|", "\\|")
    return f"| `{field.name}` | {field.label} | {_values(field)} | {default} | {help} |"


def _values(field: FieldInfo) -> str:
    if field.choices:
        return ", ".join(f"`{choice}`" for choice in field.choices)
    kind = {"bool": "on or off", "int": "whole number", "float": "number", "text": "text", "choice": ""}[field.kind]
    if field.low is not None and field.high is not None:
        return f"{kind}, {field.low:g} to {field.high:g}"
    return kind if field.low is None else f"{kind}, from {field.low:g}"


if __name__ == "__main__":
    print(settings_markdown(), end="")
