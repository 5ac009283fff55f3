"""Generations as plain values, for what is computed from them: one path, a word for each content.

first = generation(1, step("orig", "patched"))
"""

from __future__ import annotations

import hashlib

from rocmswitch.model.deployment import FILE, LINK, FileState, Generation, Intent, Place, Seen, Step
from rocmswitch.planning.drift import Ground, Spot

ROOT = "/env/lib/python3.12/site-packages"
LIBRARY = "torch/lib/libMIOpen.so"
SPOT: Spot = (ROOT, LIBRARY)
PLACE = Place("foreign", "/env", "/env", "/env", 1, 2)


def state(word: str) -> FileState:
    """What a file holds that contains *word*; `->x` is a link to x, nothing is nothing."""
    if not word:
        return FileState()
    if word.startswith("->"):
        return FileState(LINK, target=word[2:])
    return FileState(FILE, hashlib.sha256(word.encode()).hexdigest(), len(word), 0o644)


def seen(word: str, inode: int = 7) -> Seen:
    if not word:
        return Seen()
    if word.startswith("->"):
        return Seen(LINK, 1, inode, len(word), 1, 1, word[2:])
    return Seen(FILE, 1, inode, len(word), 1, 1)


def ground(word: str, inode: int = 7) -> Ground:
    return Ground(seen(word, inode), state(word))


def step(before: str, after: str, path: str = LIBRARY, *, inode: int = 7) -> Step:
    is_file = state(before).kind == FILE
    return Step(ROOT, path, state(before), state(after), "0.before" if is_file else "", placed=seen(after, inode))


def generation(
    number: int, *steps: Step, verb: str = "deploy", place: Place = PLACE, **intent: object
) -> Generation:
    """*intent* is what else an Intent says: `reverts`, `restores`."""
    return Generation(number, "2026-01-01T00:00:00+00:00", Intent(verb, place, **intent), steps)  # type: ignore[arg-type]


def undo(number: int, reverts: int, *steps: Step) -> Generation:
    return generation(number, *steps, verb="undo", reverts=reverts)


def restore(number: int, restores: tuple[int, ...], *steps: Step) -> Generation:
    return generation(number, *steps, verb="restore", restores=restores)
