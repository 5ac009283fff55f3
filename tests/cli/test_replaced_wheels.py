"""A wheel that its index replaced under its name: refused after its first use, until its hash is accepted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_receipt
from tests.support.commandline import CommandLine, Outcome
from tests.support.pytorchsite import PytorchSite
from tests.support.replacing import replace_wheel

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, INDEX = "rocm-6.2.4", "whl/rocm6.2.4"
USE = ("use", STACK, "--venv", "demo", "--yes")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path / "site", pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK)
    return line


def used_once(line: CommandLine) -> None:
    """Nothing is left of it but the records."""
    line.succeed(*USE)
    line.succeed("remove", "demo", "--purge", "--yes")
    line.succeed("cache", "prune", "--all", "--yes")


def hashes(line: CommandLine) -> set[str]:
    return {one.sha256 for one in read_receipt(line.layout.venvs / "demo").packages}


def hinted(outcome: Outcome) -> list[str]:
    """The words of the command that an error names."""
    return outcome.hint.partition("`rocmswitch ")[2].rstrip("`").split()


@pytest.mark.parametrize("hashed", (True, False), ids=("index with hashes", "index without"))
def test_a_replaced_wheel_is_taken_once_each_new_hash_is_accepted(
    hashed: bool, line: CommandLine, site: PytorchSite
) -> None:
    index = site.served(INDEX)
    index.hashed = hashed
    index.write_pages()
    used_once(line)
    replaced = {replace_wheel(index, one) for one in ("torch-2.7.1", "torchvision-0.22.1")}

    first = line.run(*USE)
    second = line.run(*hinted(first), "--yes")
    line.succeed(*hinted(second), "--yes")

    assert [first.code, second.code] == [4, 4], (first, second)
    assert "when it was first used, and has" in first.error
    assert hinted(first)[:4] == list(USE[:4])
    assert replaced <= hashes(line) and {one for one in hinted(second) if len(one) == 64} == replaced
    records = (one.read_text() for one in (line.layout.seen / "wheels").iterdir())
    assert replaced <= {json.loads(one)["sha256"] for one in records}


@pytest.mark.parametrize("hashed", (True, False), ids=("index with hashes", "index without"))
def test_a_bundle_takes_a_replaced_wheel_once_its_new_hash_is_accepted_and_so_does_use(
    hashed: bool, line: CommandLine, site: PytorchSite
) -> None:
    index = site.served(INDEX)
    index.hashed = hashed
    index.write_pages()
    used_once(line)
    replaced = replace_wheel(index, "torch-2.7.1")
    create = ("bundle", "create", STACK, "--venv", "-o", str(line.folder / "rocm.tar"), "--yes")

    refused = line.run(*create)
    stray = line.run(*create, "--accept", replaced, "--accept", "0" * 64)
    line.succeed(*create, "--accept", replaced)
    line.succeed(*USE)

    assert (refused.code, stray.code) == (4, 2), (refused, stray)
    assert f"run the same command with `--accept {replaced}`" in refused.hint
    assert replaced in hashes(line)


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("use", STACK, "--accept", "0" * 64), "`--accept` is for an environment, which `--venv NAME` names"),
        (
            ("bundle", "create", STACK, "-o", "rocm.tar", "--accept", "0" * 64),
            "`--accept` is for environments, which `--venv` asks for",
        ),
        (
            ("use", STACK, "--venv", "demo", "--accept", "12"),
            "`--accept` takes a SHA-256 hash, which has 64 hex digits, and `12` is none",
        ),
    ),
)
def test_words_that_cannot_be_meant_are_refused(words: tuple[str, ...], said: str, line: CommandLine) -> None:
    outcome = line.run(*words)

    assert (outcome.code, outcome.error) == (2, said)
