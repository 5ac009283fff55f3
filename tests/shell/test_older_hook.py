"""A shell that was open before rocmswitch was upgraded: its functions are older than the scripts that call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.shell import fish, posix
from tests.support.posixstacks import PLAIN
from tests.support.shells import run

STACK = ResolvedActivation((("ROCM_PATH", "/p"),), ())
CALLS = ("begin", "set", "unset", "prepend", "card", "has_card", "environment", "end")


@pytest.mark.parametrize("shell", [*PLAIN, "fish"])
def test_a_script_brings_the_functions_that_it_calls(shell: str, tmp_path: Path):
    in_fish = shell == "fish"
    dialect = fish if in_fish else posix
    carried = tmp_path / "functions"
    carried.write_text(functions("fish" if in_fish else "sh"))
    (tmp_path / "script").write_text(dialect.render("demo", STACK, dialect.functions_from(str(carried))))
    wrong = "function _rocmswitch_{0}; echo wrong; end" if in_fish else "_rocmswitch_{0}() {{ echo wrong; }}"
    older = "\n".join(("_rocmswitch_loaded=$$" if not in_fish else "", *map(wrong.format, CALLS)))

    done = run(shell, f"{older}\n. ./script\necho $ROCM_PATH\nrocmswitch_off\n", folder=tmp_path)

    assert (done.code, done.out, done.err) == (0, b"/p\n", b"")
