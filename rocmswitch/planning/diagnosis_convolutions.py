"""Rows about the wheel that takes the place of MIOpen's convolutions, on the cards on which those hang."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from packaging.version import Version

from rocmswitch.model.convolutions import ConvolutionSymptoms
from rocmswitch.model.convolutionwords import CONVOLUTIONS
from rocmswitch.model.finding import NOTE, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis_shell import unset


def lacking(symptoms: Symptoms) -> Iterator[Finding]:
    """Made before there was a replacement, or on another machine."""
    for one in symptoms.convolutions:
        if one.wanted and not one.made_with and not one.there:
            what = f"convolutions in `{one.venv}` go by MIOpen, which hangs in them on {one.target}"
            why = f"the manifest of `{one.stack}` asks for `{CONVOLUTIONS}`, and `{one.venv}` was made without"
            yield Finding(f"conv-lacking:{one.venv}", WARNING, what, one.place, why, _rebind(one))


def removed(symptoms: Symptoms) -> Iterator[Finding]:
    """By `uv pip uninstall`, or by hand, perhaps by half."""
    for one in symptoms.convolutions:
        if one.made_with and (not one.there or one.damage):
            what = f"`{CONVOLUTIONS}` is not whole in `{one.venv}`: convolutions go by MIOpen"
            why = f"`{one.damage}` is gone or cannot be read" if one.damage else "somebody has uninstalled it"
            yield Finding(f"conv-removed:{one.venv}", WARNING, what, one.damage or one.place, why, _rebind(one))


def switched_off(symptoms: Symptoms) -> Iterator[Finding]:
    """A variable, which may be left over from a comparison."""
    for one in symptoms.convolutions:
        name, value = one.switch
        if name and one.there and not one.damage:
            what = f"in this shell convolutions in `{one.venv}` go by MIOpen"
            why = f"`{name}={value}` keeps `{CONVOLUTIONS}` off"
            severity = WARNING if one.wanted else NOTE
            text = f"run `{unset(name, symptoms.shell)}`"
            yield Finding(f"conv-off:{one.venv}", severity, what, name, why, Remedy(text))


def older(symptoms: Symptoms) -> Iterator[Finding]:
    """An environment keeps what it was made with."""
    for one in symptoms.convolutions:
        if one.there and one.current and Version(one.there).public != Version(one.current).public:
            if Version(one.there) > Version(one.current):
                continue  # another rocmswitch, a newer one, has made it
            what = f"`{CONVOLUTIONS}` in `{one.venv}` is {one.there}, older than this rocmswitch"
            why = f"this one would put {one.current} in"
            yield Finding(f"conv-older:{one.venv}", NOTE, what, one.place, why, _rebind(one))


def untried(symptoms: Symptoms) -> Iterator[Finding]:
    """Beside what is known to fail on the card: that this need not."""
    for one in symptoms.convolutions:
        if one.wanted and one.there and not one.damage and not one.switch[0] and not one.tried:
            what = f"convolutions in `{one.venv}` do without MIOpen, which hangs in them on {one.target}"
            why = f"`{CONVOLUTIONS}` {one.there} takes its place; not tried on this card yet"
            command = ("probe", one.venv)
            remedy = Remedy(f"run `rocmswitch {' '.join(command)}`", command)
            yield Finding(f"conv-untried:{one.venv}", NOTE, what, one.place, why, remedy)


ROWS: tuple[Callable[[Symptoms], Iterable[Finding]], ...] = (lacking, removed, switched_off, older, untried)


def _rebind(one: ConvolutionSymptoms) -> Remedy:
    """Builds a new tree and keeps the old one."""
    words = ("use", one.stack, "--venv", one.venv, "--rebind")
    return Remedy(f"run `rocmswitch {' '.join(words)}`", words)
