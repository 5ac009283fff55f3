"""`use --rebind` without further words makes an environment as it was."""

from __future__ import annotations

import sys

import pytest

from rocmswitch.cli.use_environment import as_before
from rocmswitch.cli.use_options import Options
from rocmswitch.model.receipt import Receipt

STACK = "therock-10.1"
ASKED = Options(None, None, None, allow_expired=False, yes=True, dry_run=False, as_json=False, rebind=True)
THERE = Receipt(
    "venv",
    "demo",
    STACK,
    "10.1",
    "demo-0123456789ab",
    "2026-01-01T00:00:00Z",
    python=sys.executable,
    torch="2.12.0+rocm10.1.0",
    pins=("torch==2.12.0+rocm10.1.0", "amd-torch-device-gfx1010==2.12.0+rocm10.1.0", "numpy<2"),
    profile="rdna1-safe",
)


def options(**changes: object) -> Options:
    return Options(**{**vars(ASKED), **changes})


def test_what_is_not_said_stays_as_it_was() -> None:
    assert as_before(ASKED, STACK, THERE) == options(
        python=sys.executable, torch="2.12.0+rocm10.1.0", gpu="gfx1010", profile="rdna1-safe"
    )


@pytest.mark.parametrize(
    "said", ({"python": "3.10"}, {"torch": "2.13.0"}, {"gpu": "gfx1012"}, {"profile": "other"}, {"cpu": True})
)
def test_what_is_said_counts(said: dict[str, object]) -> None:
    completed = vars(as_before(options(**said), STACK, THERE))

    assert said.items() <= completed.items()
    assert completed["torch"] in ((None,) if "cpu" in said else ("2.13.0",) if "torch" in said else (THERE.torch,))


def test_a_python_that_is_gone_is_looked_for_anew() -> None:
    gone = Receipt(**{**vars(THERE), "python": "/nowhere/python3.11"})

    assert as_before(ASKED, STACK, gone).python is None


@pytest.mark.parametrize(
    ("asked", "stack", "existing"),
    (
        (ASKED, "rocm-6.2.4", THERE),
        (ASKED, STACK, None),
        (options(rebind=False), STACK, THERE),
        (options(locked="x.lock"), STACK, THERE),
    ),
)
def test_another_stack_a_lock_or_a_new_name_take_over_nothing(
    asked: Options, stack: str, existing: Receipt | None
) -> None:
    assert as_before(asked, stack, existing) == asked
