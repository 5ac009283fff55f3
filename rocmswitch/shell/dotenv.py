"""An activation as a `.env` file: what `docker run --env-file` and python-dotenv both read as the same values.

They agree on `NAME=VALUE` where VALUE is plain. docker takes quotes, `#` and `${` literally, python-dotenv does not
(its parser.py and variables.py; docker's pkg/kvfile), so what they would read differently is refused, not quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rocmswitch.errors import UsageMistake
from rocmswitch.shell.calls import variable_name

_LINE_ENDS = ("\n", "\r", "\0")
_COMMENT = re.compile(r"\s#")


def render(name: str, variables: Mapping[str, str]) -> str:
    """One line for each of *variables* of the stack *name*. Raises UsageMistake for what the format cannot hold."""
    for key, value in variables.items():
        what = _unreadable(value)
        if what:
            raise UsageMistake(
                f"`{key}` holds {what}, which a .env file cannot keep",
                hint=f"run `rocmswitch env {name} --shell json`",
            )
    return "".join(f"{variable_name(key)}={value}\n" for key, value in variables.items())


def _unreadable(value: str) -> str:
    """What programs would not read back from *value* as it is; empty where all of them do."""
    if any(end in value for end in _LINE_ENDS):
        return "the end of a line"
    if value != value.strip():
        return "blanks at its beginning or end"
    if value.startswith(("'", '"')):
        return "a quotation mark at its beginning"
    if value.startswith("#") or _COMMENT.search(value):
        return "a `#` that begins a comment"
    if "${" in value:
        return "the beginning of a variable, `${`"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "bytes that are not UTF-8"
    return ""
