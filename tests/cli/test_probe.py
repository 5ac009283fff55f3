"""The probe through the program, on a real PyTorch for processors: what works, what is broken, what is stopped."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.metadata.probereport import parse_report
from rocmswitch.model.probe import CRASH, ERROR, HANG, OK, WRONG
from rocmswitch.store.probes import Probes
from rocmswitch.system.disk import Disk
from tests.support.brokentorch import broken_torch, hangs
from tests.support.commandline import CommandLine
from tests.support.cputorch import cpu_torch
from tests.support.filesystems import fill, small_disk
from tests.support.running import Running

RELU, GELU, SILU, SOFTMAX = (f"activations-{name}-float32-backward" for name in ("relu", "gelu", "silu", "softmax"))


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def kept(line: CommandLine) -> Probes:
    return Probes(line.layout, Disk())


def test_what_works_is_shown_kept_and_made_a_page_of(line: CommandLine, tmp_path: Path):
    words = ("--ops", "tensors,linear", "--quick", "--device", "cpu", "--html", str(tmp_path / "a page.html"))

    found = line.run("probe", str(cpu_torch()), *words)

    assert found.code == 0, found
    lines = found.out.splitlines()
    assert lines[0] == "substitute: this ran on a processor, as a substitute: it says nothing of any card"
    assert lines[1].endswith(": 2 of 2 work")
    (report,) = kept(line).read_all()
    assert [(one.operation.group, one.result) for one in report.outcomes] == [("tensors", OK), ("linear", OK)]
    assert (report.surroundings.torch, report.is_partial) == (cpu_torch().name.rpartition("-")[0], False)
    assert parse_report((tmp_path / "a page.html").read_bytes()) == report


def test_what_is_broken_is_told_for_what_it_is_and_nothing_private_is_kept(line: CommandLine, tmp_path: Path):
    venv = broken_torch(tmp_path / "an environment", relu="crash", gelu="wrong", silu="error")
    page = tmp_path / "page.html"

    found = line.run(
        *("probe", str(venv), "--ops", f"{RELU},{GELU},{SILU},{SOFTMAX}", "--device", "cpu"),
        "--json",
        "--html",
        str(page),
    )

    said = json.loads(found.out)
    results = {one["operation"]["name"]: one["result"] for one in said["outcomes"]}
    assert (found.code, found.error, found.hint) == (4, "3 operations do not work here", "run `rocmswitch doctor`")
    assert results == {RELU: CRASH, GELU: WRONG, SILU: ERROR, SOFTMAX: OK}
    assert next(iter(said)) == "substitute" and said["substitute"]
    assert "activations float32, relu, backward: crash SIGABRT" in found.err
    attached = (found.out, page.read_text(), *(path.read_text() for path in kept(line).folder.rglob("*.json")))
    private = ("\x1b", "somebody", str(tmp_path), str(line.home))
    assert (len(attached), [one for one in private for text in attached if one in text]) == (3, [])
    assert "\x1b" not in found.err


def test_what_hangs_is_ended_and_told(line: CommandLine, tmp_path: Path):
    venv = broken_torch(tmp_path / "venv", relu="hang")

    found = line.at_terminal("probe", str(venv), "--ops", RELU, "--device", "cpu", "--deadline", "1")

    assert (found.code, "activations float32, relu, backward: hang: no end within 1 s" in found.out) == (4, True), (
        found
    )
    assert [one.result for one in kept(line).read_all()[0].outcomes] == [HANG]


def test_what_is_stopped_shows_what_was_found_and_confirms_nothing(line: CommandLine, tmp_path: Path):
    venv = broken_torch(tmp_path / "venv", softmax="hang")
    running = Running.start(line, "probe", str(venv), "--ops", f"{RELU},{SOFTMAX}", "--device", "cpu")
    running.wait_until(lambda: hangs(venv), 100)

    ended = running.end(signal.SIGINT)

    assert (ended.code, ended.left) == (130, ()), ended
    assert "1 of 1 work, stopped after 1 of 2" in ended.out
    assert "what works is not confirmed" in ended.err
    assert [(one.planned, one.is_partial) for one in kept(line).read_all()] == [(2, True)]


@pytest.fixture
def full(line: CommandLine) -> Iterator[Path]:
    """The data folder is on a disk without room."""
    with small_disk(line.layout.data, 16 << 10) as folder:
        fill(folder)
        yield folder


def test_on_a_full_disk_the_result_is_shown_and_said_not_to_be_kept(line: CommandLine, full: Path):
    found = line.run("probe", str(cpu_torch()), "--ops", "tensors-create-float32", "--device", "cpu")

    assert (found.code, "1 of 1 work" in found.out) == (0, True), found
    assert "warning: this report is not kept: no space is left for `" in found.err
    assert "--show 1" not in found.err


def test_an_environment_that_is_not_there_is_not_found(line: CommandLine):
    found = line.run("probe", "nowhere")

    assert (found.code, found.out) == (3, "")
