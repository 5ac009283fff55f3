"""What `run` gives a program is what a shell that has entered gives it, byte for byte; each can leave the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.foreign import is_foreign
from rocmswitch.model.activation import CardVariable, ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.planning.leaving import entered, left
from rocmswitch.shell import fish, posix
from tests.support.shells import account, dumped, dumping, run

SHELLS = ("bash", "zsh", "dash", "busybox", "fish")
HOSTILE = 'it\'s "a" $(touch pwned) `touch pwned` \\ ; & | * ? \u00e9\ttab'
NAME = "rocm-6.2.4"
ACTIVATION = ResolvedActivation(
    variables=(("ROCMSWITCH_ACTIVE", NAME), ("HIP_PLATFORM", "amd"), ("ROCM_NOTE", HOSTILE), ("ROCM_EMPTY", "")),
    paths=(("PATH", ("/p/bin with space", "/p/tools")), ("LIBRARY_PATH", ("/p/lib",))),
    cards=(
        CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
        CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.1", "other"),
        CardVariable("gfx1010", "MIOPEN_FIND_MODE", "1", "rdna1-safe"),
        CardVariable("gfx90a", "HSA_XNACK", "1"),
    ),
    unset=("PYTHONHOME",),
)
OUTSIDE = [
    {},
    {"HIP_PLATFORM": "", "LIBRARY_PATH": "", "PYTHONHOME": "/usr", "LD_LIBRARY_PATH": ""},
    {"HIP_PLATFORM": "nvidia", "LIBRARY_PATH": "/mine:", "LD_LIBRARY_PATH": "/my own:/opt/rocm/lib"},
    {"LD_LIBRARY_PATH": "/opt/rocm/lib", "LD_PRELOAD": "/opt/rocm/lib/libamdhip64.so"},
]


def script(shell: str) -> str:
    if shell == "fish":
        return fish.render(NAME, ACTIVATION, functions("fish"))
    return posix.render(NAME, ACTIVATION, functions())


def in_shell(shell: str, text: str, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """What programs see at the end of *text*."""
    file = folder / "environment"
    done = run(shell, f"{text}\n{dumping(file)}\n", folder=folder, environment=environment)
    said = [line for line in done.err.splitlines() if not line.startswith(b"ERROR: ld.so")]  # of LD_PRELOAD
    assert (done.code, said) == (0, []), done
    return {os.fsdecode(name): os.fsdecode(value) for name, value in dumped(file).items()}


def by_run(environment: dict[str, str], profile: str = "") -> dict[str, str]:
    return entered(environment, ACTIVATION.on_card("gfx1010", profile), is_foreign)


def steps(environment: dict[str, str]) -> dict[str, object]:
    """With the steps as a set: their order follows each script's own."""
    return {**environment, "_ROCMSWITCH_DONE": frozenset(environment["_ROCMSWITCH_DONE"].split())}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.parametrize("profile", ["", "rdna1-safe", "other"])
def test_both_give_a_program_the_same(shell: str, outside: dict[str, str], profile: str, tmp_path: Path):
    environment = account(tmp_path, ROCMSWITCH_GPU="gfx1010", ROCMSWITCH_PROFILE=profile, **outside)
    before = in_shell(shell, "", tmp_path, environment)

    assert steps(in_shell(shell, script(shell), tmp_path, environment)) == steps(by_run(before, profile))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_a_shell_has_entered_run_leaves(shell: str, outside: dict[str, str], tmp_path: Path):
    environment = account(tmp_path, ROCMSWITCH_GPU="gfx1010", **outside)
    before = in_shell(shell, "", tmp_path, environment)

    assert left(in_shell(shell, script(shell), tmp_path, environment)) == before


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_run_has_entered_a_shell_inside_leaves(shell: str, outside: dict[str, str], tmp_path: Path):
    environment = account(tmp_path, **outside)
    before = in_shell(shell, "", tmp_path, environment)
    loaded = functions("fish" if shell == "fish" else "sh")

    assert in_shell(shell, f"{loaded}\nrocmswitch_off", tmp_path, by_run(environment)) == before


@pytest.mark.parametrize("shell", SHELLS)
def test_what_only_lies_beside_a_rocm_s_library_stays_preloaded(shell: str, tmp_path: Path):
    """As jemalloc does, where Debian's own ROCm is in /usr/lib/x86_64-linux-gnu too."""
    shared = tmp_path / "x86_64-linux-gnu"
    shared.mkdir()
    mine, theirs = shared / "libjemalloc.so.2", shared / "libamdhip64.so.5"
    mine.touch()
    theirs.touch()
    preload = f"{mine} {theirs}:/opt/rocm/lib/libroctx64.so //opt/rocm-6.2.4/lib/libx.so"
    environment = account(tmp_path, LD_PRELOAD=preload, LD_LIBRARY_PATH=f"/mine:{shared}")

    for inside in (in_shell(shell, script(shell), tmp_path, environment), by_run(environment)):
        assert (inside["LD_PRELOAD"], inside["LD_LIBRARY_PATH"]) == (str(mine), "/mine")
