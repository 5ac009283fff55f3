"""What was made once can be made again where no server answers any more."""

from __future__ import annotations

import sys
from pathlib import Path

from rocmswitch.store.receipts import read_receipt
from tests.support.acme import TAG, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.keys import SigningKey
from tests.support.pytorchsite import PytorchSite

NEW, FOR_CARDS = "rocm-6.2.4", "therock-10.1"


def wheels(line: CommandLine, name: str) -> list[tuple[str, str, str]]:
    found = read_receipt(line.layout.venvs / name).packages
    return [(one.filename, one.sha256, one.verification) for one in found]


def test_a_second_environment_of_a_stack_with_pinned_wheels(tmp_path: Path, key: SigningKey) -> None:
    with AcmeSite(tmp_path / "server", key) as site:
        line = site.person(tmp_path)
        line.succeed("use", "acme-1.0", "--venv", "first", "--yes")

    line.succeed("use", "acme-1.0", "--venv", "second", "--yes")

    assert wheels(line, "second") == wheels(line, "first")
    assert [kind for _, _, kind in wheels(line, "second")] == ["pinned"]


def test_a_second_environment_with_pytorch_for_any_card_for_one_card_and_for_none(tmp_path: Path) -> None:
    ways = ((NEW,), (FOR_CARDS, "--gpu", "gfx1010"), (NEW, "--cpu"))
    with PytorchSite(tmp_path / "server", pythons=(TAG,)) as site:
        line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple, "PIP_EXTRA_INDEX_URL": site.cpu})
        site.let(line, NEW, FOR_CARDS)
        for number, way in enumerate(ways):
            line.succeed("use", *way, "--venv", f"first{number}", "--yes")

    for number, way in enumerate(ways):
        line.succeed("use", *way, "--venv", f"second{number}", "--python", sys.executable, "--yes")

        assert wheels(line, f"second{number}") == wheels(line, f"first{number}")
