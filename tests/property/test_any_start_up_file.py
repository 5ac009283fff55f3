"""Any start-up file without the lines that set variables of the GPU is still one that a shell can read."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocmswitch.model.leftover import Line
from rocmswitch.planning.leftovers import without_lines

OVERRIDE = "export HSA_OVERRIDE_GFX_VERSION=10.3.0"
_BLOCKS = st.sampled_from(
    (
        "true\n",
        "\n",
        "# a comment\n",
        f"{OVERRIDE}\n",
        f"if true; then\n  {OVERRIDE}\nfi\n",
        f"if true\nthen\n\n# why\n{OVERRIDE}\nelse\n{OVERRIDE}\nfi\n",
        f"f() {{\n{OVERRIDE}\n}}\n",
        f"for x in 1; do\n{OVERRIDE}\n{OVERRIDE}\ndone\n",
        f"case x in x)\n{OVERRIDE}\n;; esac\n",
        f"true ||\n{OVERRIDE}\n",
        f"(\n{OVERRIDE}\n)\n",
    )
)


@given(st.lists(_BLOCKS, max_size=4).map("".join))
def test_a_script_without_its_lines_is_still_a_script(text: str):
    if shutil.which("dash") is None:
        pytest.skip("no dash here")
    numbers = [number for number, line in enumerate(text.splitlines(), 1) if OVERRIDE in line]

    rest = without_lines(text, [Line(one, text.splitlines()[one - 1]) for one in numbers])

    done = subprocess.run(["dash", "-n"], input=rest.encode(), capture_output=True, check=False)
    assert (done.returncode, OVERRIDE in rest) == (0, False), rest
