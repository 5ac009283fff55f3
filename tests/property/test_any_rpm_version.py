"""Any versions are ordered as rpm orders them."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from rocmswitch.metadata.rpmversion import RPM, segments_key
from rocmswitch.model.package import Relation

ALPHABET = ["0", "1", "2", "9", "10", "007", "a", "b", "Z", "rc", "~", "^", ".", "_", "+", "é"]
PAIRS = 6000


def _texts(seed: int, alphabet: list[str]) -> list[str]:
    chosen = random.Random(seed)
    return ["".join(chosen.choices(alphabet, k=chosen.randint(1, 7))) for _ in range(PAIRS)]


def _rpm(program: str, rows: list[tuple[str, ...]]) -> list[str]:
    """What a piece of rpm's Lua prints for each row."""
    if shutil.which("rpm") is None:
        pytest.skip("no rpm here: install rpm")
    table = ",".join("{" + ",".join(json.dumps(one, ensure_ascii=False) for one in row) + "}" for row in rows)
    source = f"%{{lua: for _, r in ipairs({{{table}}}) do print(({program}) .. ' ') end}}"
    # rpm expands macros before Lua sees the text: no percent sign is in it but its own.
    done = subprocess.run(["rpm", "--eval", source], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _in_steps(rows: list[tuple[str, ...]], program: str) -> list[str]:
    """An argument has at most 128 KiB."""
    return [one for start in range(0, len(rows), 1000) for one in _rpm(program, rows[start : start + 1000])]


def test_any_two_versions_compare_as_rpmvercmp_says():
    pairs = list(zip(_texts(1, ALPHABET), _texts(2, ALPHABET), strict=True))

    keys = [(segments_key(one), segments_key(other)) for one, other in pairs]

    ours = [str((one > other) - (one < other)) for one, other in keys]
    assert ours == _in_steps(pairs, "rpm.vercmp(r[1], r[2])")


def test_any_two_whole_versions_compare_as_rpm_says():
    alphabet = ["0", "1", "2", "10", "a", "~", "^", "."]
    chosen = random.Random(5)
    rows = []
    for one, other in zip(_texts(3, alphabet), _texts(4, alphabet), strict=True):
        epochs = [chosen.choice(["", "", "0:", "1:"]) for _ in range(2)]
        releases = [f"-{chosen.choice(['1', '2', '1.el9', '1.el8', '10'])}" for _ in range(2)]
        rows.append((f"{epochs[0]}{one}{releases[0]}", f"{epochs[1]}{other}{releases[1]}"))

    keys = [(RPM.key(one), RPM.key(other)) for one, other in rows]

    ours = [str((one > other) - (one < other)) for one, other in keys]
    assert ours == _in_steps(
        rows, "rpm.ver(r[1]) < rpm.ver(r[2]) and '-1' or (rpm.ver(r[1]) > rpm.ver(r[2]) and '1' or '0')"
    )


@pytest.mark.parametrize(
    ("provided", "needed", "both"),
    [
        ("", ">= 1", True),
        ("= 1.2-3", "= 1.2", True),
        ("= 1.2-3", "= 1.2-4", False),
        ("= 1.2-3", ">> 1.2", False),
        ("= 1.2-3", "<= 1.2", True),
        ("= 1.2", ">> 1.2-3", True),
        ("= 1.2", "<< 1.2-3", True),
        ("= 1:1", ">= 2", True),
        ("= 1", ">= 1:0", False),
        (">= 2", "<< 2", False),
        (">= 2", "<= 2", True),
        (">> 2", ">= 9", True),
        ("<< 2", ">> 2", False),
        ("= 1.0~rc1-1", "<< 1.0", True),
    ],
)
def test_a_provided_range_answers_a_needed_one_where_they_have_something_in_common(provided, needed, both):
    relations = [Relation("x", *text.split()) for text in (provided, needed)]

    assert RPM.answers(*relations) is both
