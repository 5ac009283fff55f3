"""What a user's word for a stack means: `6.2`, `rocm-6.2`, `debian-5.2.3`.

A bare version means AMD's own stacks, the newest that fits; where AMD has none that fits, the one other
vendor that has. Callers say which names there are: all that is available, or what is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.model.printable import printable

AMD = "rocm"
"""The vendor that a bare version means."""
RECOMMENDED = "recommended"
"""In the place of a name: what `recommend` has first for this machine."""

_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_MEANINGS = {
    "driver": "the kernel modules",
    RECOMMENDED: "what suits the machine",
    "user": "what `pip install --user` has installed",
}
"""Words of ours: `history driver`, `use recommended`, `deploy --into user`."""
_SPLIT = re.compile(r"(?:(?P<vendor>[a-z][a-z0-9_.-]*?)-)?(?P<version>[0-9][0-9a-z.]*)")
_AVAILABLE = "rocmswitch list --available"
_SHOWN = 80


def resolve_name(text: str, names: Iterable[str]) -> str:
    """The name among *names* that *text* means.

    Raises NotFound, with the nearest names, and UsageMistake where several vendors have such a version.
    """
    names = tuple(names)
    if text in names:
        return text
    fitting = [name for name in names if _fits(text, name)]
    vendors = sorted({_vendor(name) for name in fitting})
    if AMD in vendors:
        vendors = [AMD]
    if len(vendors) > 1:
        several = _enumerate(sorted(fitting, key=_order))
        raise UsageMistake(
            f"`{printable(text[:_SHOWN])}` may be {several}",
            hint=f"give one of these names; `{_AVAILABLE}` shows all",
        )
    if not fitting:
        raise _unknown(text, names)
    return max((name for name in fitting if _vendor(name) == vendors[0]), key=_order)


def other_meaning(word: str) -> str:
    """What *word* means wherever a name is given, so that nothing may be called that; empty for nothing."""
    return "a release of ROCm" if _VERSION.fullmatch(word) else _MEANINGS.get(word, "")


def resolve_installed(text: str, installed: Iterable[str], available: Iterable[str]) -> str:
    """The newest of *installed* that *text* means, else the newest of *available*.

    The vendor is decided over both, so that a bare version means the same vendor whatever is installed.
    Raises like resolve_name.
    """
    installed = tuple(installed)
    chosen = resolve_name(text, dict.fromkeys((*installed, *available)))
    siblings = [name for name in installed if _fits(text, name) and _vendor(name) == _vendor(chosen)]
    return chosen if text == chosen or not siblings else max(siblings, key=_order)


def by_version(name: str) -> tuple[str, Version, str]:
    """A key to sort names by: each vendor's by version, the newest last."""
    return _vendor(name) or name, _version(name), name


def nearest(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """At most two names to offer instead: the versions below and above it, the newest of a vendor, else what is
    spelled like it. Capitals, as in `ROCm-5.2`, do not count."""
    names, text = tuple(names), text[:_SHOWN].casefold()
    vendor, version = _parse(text)
    if version is None:
        if of_vendor := [name for name in names if _vendor(name) == text]:
            return (max(of_vendor, key=_order),)
        import difflib  # half a millisecond of every list

        return tuple(difflib.get_close_matches(text, names, n=2))
    ordered = sorted((name for name in names if _vendor(name) == (vendor or AMD)), key=_order)
    below = [name for name in ordered if _version(name) <= version]
    above = [name for name in ordered if _version(name) > version]
    return (*below[-1:], *above[:1])


def _unknown(text: str, names: tuple[str, ...]) -> NotFound:
    message = f"no stack is called `{printable(text[:_SHOWN])}`"
    offered = nearest(text, names)
    if not offered:
        return NotFound(message, hint=f"run `{_AVAILABLE}`")
    verb = "are" if len(offered) > 1 else "is"
    return NotFound(message, hint=f"nearest {verb} {' and '.join(offered)}; run `{_AVAILABLE}`")


def _fits(text: str, name: str) -> bool:
    """Whether *text*, a version with or without a vendor, is that of *name* or the beginning of it."""
    vendor, version = _parse(text)
    own_vendor, own_version = _parse(name)
    if version is None or own_version is None or vendor not in (None, own_vendor):
        return False
    if version == own_version:
        return True
    return not version.is_prerelease and own_version.release[: len(version.release)] == version.release


def _parse(text: str) -> tuple[str | None, Version | None]:
    """The vendor and the version in `rocm-6.2.4`; no version in anything that is not built like that."""
    found = _SPLIT.fullmatch(text)
    if found is None:
        return None, None
    try:
        return found["vendor"], Version(found["version"])
    except InvalidVersion:
        return None, None


def _vendor(name: str) -> str:
    return _parse(name)[0] or ""


def _version(name: str) -> Version:
    return _parse(name)[1] or Version("0")


def _order(name: str) -> tuple[Version, str]:
    return _version(name), name


def _enumerate(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
