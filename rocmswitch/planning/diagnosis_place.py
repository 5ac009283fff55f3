"""Rows about our own folders, and about the project that the command was started in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import Symptoms

WRITABLE = "writable"


def writable(symptoms: Symptoms) -> Iterator[Finding]:
    """Who may write there decides what your shells run."""
    for folder in symptoms.place.writable:
        yield Finding(
            f"{WRITABLE}:{folder}",
            FAULT,
            f"other users may change `{folder}`",
            folder,
            "shells run what lies there when a stack is entered",
            Remedy(f"run `chmod go-w {shlex.quote(folder)}`", automatic=True),
        )


def owner(symptoms: Symptoms) -> Iterator[Finding]:
    """As where a home was copied or restored by root. Its mode says nothing then."""
    for folder, number in symptoms.place.strange:
        what = f"`{folder}` belongs to another user"
        why = "who owns it decides what your shells run when a stack is entered"
        remedy = Remedy(f"run `sudo chown -R {number} {shlex.quote(folder)}`")
        yield Finding(f"owner:{folder}", FAULT, what, folder, why, remedy)


def file_systems(symptoms: Symptoms) -> Iterator[Finding]:
    """Links do not reach from one file system to another."""
    place = symptoms.place
    if place.cache:
        yield Finding(
            "file-systems",
            WARNING,
            "the cache and the environments are on different file systems",
            place.cache,
            f"every environment in `{place.data}` costs copies, where it could cost links",
            Remedy("let XDG_CACHE_HOME and XDG_DATA_HOME name folders of one file system, or set ROCMSWITCH_HOME"),
        )


def wrong_pin(symptoms: Symptoms) -> Iterator[Finding]:
    """The hook passes over what is no pin, and says so only once."""
    place = symptoms.place
    if place.wrong_pin:
        yield Finding(
            "pin",
            WARNING,
            f"`{place.pin}` is not a valid pin and is ignored",
            place.pin,
            "a pin is the name of a stack, and perhaps an environment's in a second line",
            Remedy("run `rocmswitch use STACK --pin` in that folder, which writes it anew"),
        )


def missing_pin(symptoms: Symptoms) -> Iterator[Finding]:
    """A project that asks for what is not there gets the default, or nothing."""
    place = symptoms.place
    if place.missing:
        stack, *venv = place.missing
        words = ("use", stack, *(("--venv", venv[0]) if venv else ()))
        name = venv[0] if venv else stack
        why = "shells in this folder enter nothing, or the default"
        what = f"`{place.pin}` asks for `{name}`, which is not installed"
        yield Finding("pin", WARNING, what, place.pin, why, Remedy(f"run `rocmswitch {' '.join(words)}`", words))
