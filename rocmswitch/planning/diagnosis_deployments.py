"""Rows about recorded changes: one that was broken off, and those that no longer are what they were."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import ChangeSymptoms, Symptoms
from rocmswitch.planning.drift import DAMAGED, DEPLOYED, GONE, INTERRUPTED, MADE_ANEW, REPLACED

_WHAT = {
    REPLACED: "what generation {number} has deployed into `{place}` was replaced",
    GONE: "what generation {number} has deployed into `{place}` is gone",
    MADE_ANEW: "`{place}` was made anew, without what generation {number} has deployed",
}
_WHY = {
    REPLACED: "another program has put its own file there, as a reinstall of torch does",
    GONE: "its files were removed, or the environment was",
    MADE_ANEW: "another environment of that name has the files of its own packages",
}
_OF_OTHERS = {
    ("remove", MADE_ANEW): (
        "`{place}` is there again, after generation {number} had removed it",
        "what was removed is kept for `rocmswitch undo {number}`, which needs the name",
    ),
    ("", MADE_ANEW): (
        "what generation {number}, `{verb}`, has changed of `{place}` was changed again since",
        "what stands there is not what that has put",
    ),
    ("", GONE): ("what generation {number}, `{verb}`, has changed of `{place}` is gone", "it was removed since"),
}
"""What is said, and why, of changes that deploy nothing: by verb, where that makes a difference, and state."""


def interrupted(symptoms: Symptoms) -> Iterator[Finding]:
    """The next command that changes something would take it back too."""
    ledger = symptoms.ledger
    if ledger.interrupted:
        yield Finding(
            "interrupted",
            FAULT,
            "a change was interrupted and is not taken back yet",
            ledger.folder,
            "files that it was about to replace may be old or new",
            Remedy("run `rocmswitch history`", ("history",)),
        )


def unreadable(symptoms: Symptoms) -> Iterator[Finding]:
    """What such a change has saved is there, but nobody can tell what it is."""
    ledger = symptoms.ledger
    for number in ledger.unreadable:
        forget = ("backup", "prune", str(number))
        yield Finding(
            f"record:{number}",
            FAULT,
            f"the record of generation {number} cannot be read",
            ledger.folder,
            "its change cannot be taken back",
            _any_of((forget,)),
        )


def drifted(symptoms: Symptoms) -> Iterator[Finding]:
    """What was changed, as a rule a deployed file, and is not as that change has left it."""
    for one in symptoms.ledger.changes:
        if one.state in _WHAT and one.remedies:
            what, why = (text.format(number=one.number, place=one.place, verb=one.verb) for text in _words(one))
            yield Finding(
                f"deployment:{one.number}",
                WARNING if len(one.remedies) > 1 else NOTE,
                what,
                one.folder,
                f"{why}: {_names(one)}{f'; {one.detail}' if one.detail else ''}",
                _any_of(one.remedies),
            )


def _words(one: ChangeSymptoms) -> tuple[str, str]:
    told = (
        None if one.verb in DEPLOYED else _OF_OTHERS.get((one.verb, one.state)) or _OF_OTHERS.get(("", one.state))
    )
    return told or (_WHAT[one.state], _WHY[one.state])


def left_alone(symptoms: Symptoms) -> Iterator[Finding]:
    """A change that was broken off, and could not be taken back where somebody else had written meanwhile."""
    for one in symptoms.ledger.changes:
        if one.state == INTERRUPTED:
            why = one.detail or f"something else has changed {_names(one)} meanwhile"
            yield Finding(
                f"left-alone:{one.number}",
                WARNING,
                f"the interrupted change {one.number} of `{one.place}` could not be taken back whole",
                one.folder,
                f"{why}; what it has saved is kept: `rocmswitch history {one.number}` shows it",
                _any_of(one.remedies),
            )


def lost_originals(symptoms: Symptoms) -> Iterator[Finding]:
    """The way back is cut, though what was deployed works."""
    for one in symptoms.ledger.changes:
        if one.state == DAMAGED:
            yield Finding(
                f"backup:{one.number}",
                FAULT,
                f"what generation {one.number} has saved of `{one.place}` is missing or damaged",
                one.folder,
                f"{_names(one)} cannot be put back from it",
                _any_of(one.remedies),
            )


def _names(one: ChangeSymptoms) -> str:
    return ", ".join(f"`{path}`" for path in one.files)


def _any_of(commands: tuple[tuple[str, ...], ...]) -> Remedy:
    text = ", or ".join(f"`rocmswitch {' '.join(words)}`" for words in commands)
    return Remedy(f"run {text}", commands[0] if len(commands) == 1 else ())
