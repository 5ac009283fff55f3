"""Which of our locks a text is: that of stacks and that of an environment are both called rocmswitch.lock."""

from __future__ import annotations

import shlex

import msgspec

from rocmswitch.errors import ManifestMistake
from rocmswitch.model.grammar import is_name


def is_of_environment(text: bytes, file: str) -> ManifestMistake | None:
    """What to say where *text* is the lock of an environment, and one of stacks was wanted; else None."""
    content = _content(text)
    stack = content.get("stack")
    if "prefixes" in content or "wheels" not in content or not isinstance(stack, str) or not is_name(stack):
        return None
    return ManifestMistake(
        f"{file}: it is the lock of an environment, not of stacks",
        hint=f"run `rocmswitch use {stack} --venv NAME --locked {shlex.quote(file)}`",
    )


def is_of_stacks(text: bytes, file: str) -> ManifestMistake | None:
    """What to say where *text* is a lock of stacks, and that of an environment was wanted; else None."""
    if "prefixes" not in _content(text):
        return None
    return ManifestMistake(
        f"{file}: it is a lock of stacks, not of an environment",
        hint=f"run `rocmswitch install --locked {shlex.quote(file)}`",
    )


def _content(text: bytes) -> dict[str, object]:
    try:
        content = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}  # nothing that we have written: the parser of what was wanted says what is wrong
    return content if isinstance(content, dict) else {}
