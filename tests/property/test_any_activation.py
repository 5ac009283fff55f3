"""For any environment and activation: inside is what was asked for, byte for byte, and leaving gives all back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rocmswitch.host.foreign import is_foreign
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.hooks import hook_text
from rocmswitch.operations.rendering import functions
from rocmswitch.shell import posix
from rocmswitch.store.layout import Layout
from tests.support.posixstacks import PLAIN
from tests.support.shells import dumped, dumping, program

KINDS = (*PLAIN, *(f"{shell} with the hook" for shell in PLAIN if shell in ("bash", "zsh")))
NAMES = ("HSA_OVERRIDE_GFX_VERSION", "MIOPEN_A", "MIOPEN_A_B", "ROCM_PATH", "VIRTUAL_ENV", "UV_CONSTRAINT")
PATHS = ("PATH", "LIBRARY_PATH", "PERL5LIB")
USUAL = ("VIRTUAL_ENV", "UV_CONSTRAINT", "PYTHONHOME", "LD_LIBRARY_PATH")
"""What is mostly not there before an environment is entered."""

value = st.binary(max_size=12).map(lambda content: content.replace(b"\0", b"")) | st.sampled_from(
    [
        b"",
        b" ",
        b"unset",
        b"/unset",
        b"was:",
        b"own:x",
        b"'\"\\$(x)`x`",
        b"*",
        b"~",
        b"\x01\x7f\x80\x81\x88\x9b\xff",
        b"a\n\nb\n",
        b"-n",
    ]
)
folder = st.binary(min_size=1, max_size=6).map(lambda name: b"/" + name.replace(b"\0", b"").replace(b":", b""))
path_value = st.lists(folder | st.just(b"") | st.just(b"/p"), max_size=4).map(b":".join)


@dataclass(frozen=True)
class Case:
    """What there is before, what is entered, and what the user sets and unsets inside."""

    before: Mapping[bytes, bytes]
    activation: ResolvedActivation
    changes: Mapping[str, bytes | None]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    before = draw(st.dictionaries(st.sampled_from([*NAMES, "PYTHONHOME", "OTHER"]), value))
    before |= {"PATH": draw(path_value)}  # without one, shells have a PATH of their own
    before |= draw(st.dictionaries(st.sampled_from(PATHS[1:]), path_value))
    if draw(st.booleans()):
        entries = st.sampled_from([b"/opt/rocm/lib", b"/mine", b"/my own", b"", b"/opt/rocm-5.2.0/lib64"])
        before["LD_LIBRARY_PATH"] = b":".join(draw(st.lists(entries, max_size=4)))
    variables = draw(st.dictionaries(st.sampled_from(NAMES), value.map(os.fsdecode)))
    folders = st.lists(folder.map(os.fsdecode), min_size=1, max_size=3).map(tuple)
    paths = draw(st.dictionaries(st.sampled_from(PATHS), folders))
    unset = draw(st.sampled_from([(), ("PYTHONHOME",)]))
    if draw(st.booleans()):  # what shells have a quicker way for
        root = os.fsdecode(draw(folder))
        paths["PATH"] = (f"{root}/bin",)
        variables |= {"VIRTUAL_ENV": root, "UV_CONSTRAINT": f"{root}/constraints.txt"}
        unset = ("PYTHONHOME",)
        if draw(st.booleans()):
            variables = {name: variables[name] for name in ("VIRTUAL_ENV", "UV_CONSTRAINT")}
            paths = {"PATH": paths["PATH"]}
        there = draw(st.sets(st.sampled_from(USUAL), max_size=1))
        before = {name: content for name, content in before.items() if name not in USUAL or name in there}
    activation = ResolvedActivation(tuple(variables.items()), tuple(paths.items()), unset=unset)
    changes = draw(st.dictionaries(st.sampled_from([*NAMES, "PYTHONHOME", "OTHER", *PATHS]), st.none() | value))
    changes = {name: new for name, new in changes.items() if name not in PATHS or new is not None}
    return Case({name.encode(): content for name, content in before.items()}, activation, changes)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
@example(Case({b"PATH": b"", b"ROCM_PATH": b"unset"}, ResolvedActivation((("ROCM_PATH", ""),), ()), {}))
@example(Case({b"PATH": b"", b"ROCM_PATH": b"/unset"}, ResolvedActivation((("ROCM_PATH", ""),), ()), {}))
@example(Case({b"PATH": b":"}, ResolvedActivation((), (("PATH", ("/p",)),)), {"PATH": b""}))
@example(Case({b"PATH": b""}, ResolvedActivation((), (("PATH", ("/p",)),)), {"PATH": b""}))
def test_inside_is_what_was_asked_for_and_outside_is_what_was_there(kind: str, case: Case):
    before, inside, after, changed = seen(kind, case)

    asked = {name: content for name, content in inside.items() if not name.startswith(b"_ROCMSWITCH_")}
    assert asked == expected_inside(before, case.activation)
    assert after == before
    assert changed == expected_after_changes(before, inside, case)


def seen(kind: str, case: Case) -> list[dict[bytes, bytes]]:
    """The environment before, inside, after leaving, and after leaving where the user has changed it inside."""
    files = [folder_of_this_run() / name for name in ("before", "inside", "after", "changed")]
    dumps = [dumping(file).encode() for file in files]
    enter = b". " + os.fsencode(posix.quote(str(folder_of_this_run() / "script")))
    text = posix.render("demo", case.activation, "").encode(errors="surrogateescape")
    (folder_of_this_run() / "script").write_bytes(text)
    lines = [loaded(kind), dumps[0], enter, dumps[1], b"rocmswitch_off", dumps[2], enter]
    lines += [line for name, new in case.changes.items() for line in change(name, new)]
    lines += [b"rocmswitch_off", dumps[3]]
    file = folder_of_this_run() / "main"
    file.write_bytes(b"\n".join(lines) + b"\n")
    shell = kind.split()[0]
    command = [*program(shell), *(["-f"] if shell == "zsh" else []), str(file)]
    done = subprocess.run(command, env=dict(case.before), cwd="/", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return [dumped(file) for file in files]


def change(name: str, new: bytes | None) -> list[bytes]:
    """Lines of a user who sets, unsets or extends a variable."""
    shown = name.encode()
    if new is None:
        return [b"unset " + shown]
    if name in PATHS:
        return [b"%s=/new:${%s-}:/last" % (shown, shown), b"export " + shown]
    quoted = b"'" + new.replace(b"'", b"'\\''") + b"'"
    return [shown + b"=" + quoted, b"export " + shown]


def expected_inside(before: Mapping[bytes, bytes], activation: ResolvedActivation) -> dict[bytes, bytes]:
    told = {os.fsdecode(name): os.fsdecode(content) for name, content in before.items()}
    inside = activation.applied_to(told, is_foreign)
    inside |= {"ROCMSWITCH_ACTIVE": "demo", "ROCMSWITCH_WHY": "use"}
    return {os.fsencode(name): os.fsencode(content) for name, content in inside.items()}


def expected_after_changes(
    before: Mapping[bytes, bytes], inside: Mapping[bytes, bytes], case: Case
) -> dict[bytes, bytes]:
    """What was there before, and what the user wanted where that is not what we had set ourselves."""
    expected = dict(before)
    entered = (*dict(case.activation.variables), *case.activation.unset)
    for text, new in case.changes.items():
        name = text.encode()
        ours = dict(case.activation.paths).get(text)
        if text in PATHS:
            old = before.get(name, b"")
            middle = b":" + old if ours and old else (b"" if ours else b":" + old)
            expected[name] = b"/new" + middle + b":/last"
        elif inside.get(name) == new and text in entered:
            continue  # as we have set it: ours, and taken back
        elif new is None:
            expected.pop(name, None)
        else:
            expected[name] = new
    return expected


def loaded(kind: str) -> bytes:
    text = hook_text(kind.split()[0], Layout.under(Path("/nowhere"))) if "hook" in kind else functions()
    return text.encode()


def folder_of_this_run() -> Path:
    return Path(_opened().name)


@cache
def _opened() -> TemporaryDirectory[str]:
    """Gone at the end of the process."""
    return TemporaryDirectory(prefix="activations-")
