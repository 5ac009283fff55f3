"""The probe in environments in which operations hang, crash, compute wrong numbers, or leave something running."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import Failed
from rocmswitch.model.probe import CRASH, ERROR, HANG, OK, SKIPPED, WRONG, Operation, Outcome
from rocmswitch.operations import probe
from tests.support.probes import GENEROUS, ends, planned, running, tried
from tests.support.sabotage import sabotaged
from tests.support.stuckfiles import stuck_folder

LAST_WORDS = "\N{REPLACEMENT CHARACTER}[2J(core dumped)"
SHORT = 1.0
"""Seconds for what never ends."""

IN_ALL_WAYS = """
import sabotage
linear = F.linear
def named(what):
    raise RuntimeError(what)
F.conv1d = lambda *words, **more: sabotage.crash()
F.conv3d = lambda *words, **more: sabotage.give_up()
F.conv_transpose2d = lambda *words, **more: sabotage.leave(3)
F.relu = lambda *words: named("HIP error: invalid device function\\nCompile with ...")
F.silu = lambda *words: named("\\"silu_cpu\\" not implemented for 'Float'")
F.gelu = lambda one: one / 0
F.linear = lambda *words: (sabotage.detach({pids!r}), linear(*words))[1]
"""


@pytest.fixture(scope="module")
def pids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pids") / "pids"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, pids: Path) -> dict[str, tuple[str, str]]:
    environment = sabotaged(tmp_path_factory.mktemp("broken"), IN_ALL_WAYS.format(pids=str(pids)))
    names = ("relu", "silu", "gelu")
    words = ["conv1d-float32", "conv3d-float32", "conv-transpose-float32", "linear-128-96-float32"]
    words += [f"activations-{name}-float32-backward" for name in names]
    return ends(tried(environment, *words, "matmul-256-float32"))


def test_a_segmentation_fault_is_a_crash_with_its_signal_and_its_place(broken: dict[str, tuple[str, str]]):
    assert broken["conv1d-float32"] == (CRASH, "SIGSEGV, computing")


def test_what_was_printed_last_is_told_of_a_crash_without_what_a_terminal_obeys(
    broken: dict[str, tuple[str, str]],
):
    assert broken["conv3d-float32"] == (CRASH, f"SIGABRT, computing: {LAST_WORDS}")


def test_an_end_without_an_answer_is_a_crash_with_its_exit_code(broken: dict[str, tuple[str, str]]):
    assert broken["conv-transpose-float32"] == (CRASH, "an end without an answer, exit code 3, computing")


def test_an_exception_is_an_error_with_the_first_line_of_its_message(broken: dict[str, tuple[str, str]]):
    told = "RuntimeError: HIP error: invalid device function"
    assert broken["activations-relu-float32-backward"] == (ERROR, told)


def test_what_torch_has_no_code_for_is_skipped_with_its_words(broken: dict[str, tuple[str, str]]):
    told = "\"silu_cpu\" not implemented for 'Float'"
    assert broken["activations-silu-float32-backward"] == (SKIPPED, told)


def test_values_that_are_not_finite_are_wrong(broken: dict[str, tuple[str, str]]):
    result, detail = broken["activations-gelu-float32-backward"]

    assert result == WRONG
    assert "values that are not finite" in detail


def test_what_comes_after_a_crash_is_not_touched_by_it(broken: dict[str, tuple[str, str]]):
    assert broken["matmul-256-float32"] == (OK, "")


def test_a_process_that_left_its_session_and_lost_its_parent_is_ended(
    broken: dict[str, tuple[str, str]], pids: Path
):
    assert broken["linear-128-96-float32"] == (OK, "")
    started = [int(line) for line in pids.read_text().split()]
    assert started
    until = time.monotonic() + GENEROUS
    while alive(started) and time.monotonic() < until:
        time.sleep(0.1)
    assert alive(started) == []


def alive(numbers: list[int]) -> list[int]:
    """Those that run: one that has ended may wait for init, which takes what has lost its parent."""
    stats = {number: Path(f"/proc/{number}/stat") for number in numbers}
    found = {number: stat.read_text() for number, stat in stats.items() if stat.exists()}
    return [number for number, text in found.items() if text.rpartition(")")[2].split()[0] not in "ZX"]


def test_a_function_that_holds_the_interpreter_and_ignores_sigterm_is_a_hang_and_is_ended(tmp_path: Path):
    source = "import sabotage\nF.conv2d = lambda *words, **more: sabotage.hang()"
    environment = sabotaged(tmp_path, source)

    report = tried(environment, "conv2d-pointwise*", "conv2d-stem*", "conv-grouped-float32", deadline=SHORT)

    assert {name: end[0] for name, end in ends(report).items()} == dict.fromkeys(
        ["conv2d-pointwise-float32-backward", "conv2d-stem-float32-backward", "conv-grouped-float32"], HANG
    )
    assert report.outcomes[0].detail.startswith("no end within 1 s")


def test_what_cannot_be_ended_is_told_with_its_process_and_the_next_is_tried(tmp_path: Path):
    with stuck_folder(tmp_path / "stuck") as folder:
        environment = sabotaged(
            tmp_path, f"import os\nF.conv1d = lambda *words, **more: os.stat({str(folder / 'device')!r})"
        )
        for deadline in (4, 20, 100, 500):  # for how long it takes until it gets stuck
            plan = planned(environment, "conv1d-float32", "conv3d-float32", deadline=deadline)
            report = probe.execute(plan, lambda _: None)
            stuck, after = report.outcomes
            if "computing" in stuck.detail and after.result != HANG:
                break

    assert (stuck.result, after.result) == (HANG, OK)
    expected = rf"no end within {deadline} s, computing; process [0-9]+ \(state D\) cannot be ended"
    assert re.fullmatch(expected, stuck.detail)


def test_ctrl_c_ends_what_runs_and_gives_what_was_found(tmp_path: Path):
    source = "import sabotage\nF.conv3d = lambda *words, **more: sabotage.hang()"
    environment = sabotaged(tmp_path, source)
    plan = planned(environment, "conv1d-float32", "conv3d", deadline=GENEROUS)
    heard: list[Operation | Outcome] = []
    before = running()

    def told(one: Operation | Outcome) -> None:
        heard.append(one)
        if isinstance(one, Operation) and one.group == "conv3d":
            signal.setitimer(signal.ITIMER_REAL, 0.5)

    with _alarm_is_ctrl_c():
        report = probe.execute(plan, told)

    assert [one.operation.name for one in report.outcomes] == ["conv1d-float32"]
    assert report.is_partial
    assert [type(one).__name__ for one in heard] == ["Operation", "Outcome", "Operation"]
    assert running() - before == set()


class _alarm_is_ctrl_c:  # noqa: N801
    def __init__(self, is_time: Callable[[], bool] = lambda: True) -> None:
        self._is_time = is_time

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *_: object) -> None:
        if self._is_time():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "raise ImportError('libamdhip64.so.6: cannot open\\nand more')",
            "ImportError: libamdhip64.so.6: cannot open",
        ),
        ("import sabotage; sabotage.crash()", "it was ended by SIGSEGV"),
        (
            "import sabotage; sabotage.give_up()",
            f"it was ended by SIGABRT: {LAST_WORDS}",
        ),
        ("raise SystemExit(7)", "it ended with exit code 7"),
    ],
    ids=["raises", "crashes", "aborts", "exits"],
)
def test_an_import_that_fails_is_one_error_for_all(tmp_path: Path, source: str, told: str):
    environment, before = sabotaged(tmp_path, source), running()

    with pytest.raises(Failed) as caught:
        tried(environment, "matmul")

    assert str(caught.value) == f"`import torch` fails in `{environment}`: {told}"
    assert caught.value.hint == f"run `rocmswitch doctor '{environment}'`"
    assert running() - before == set()


def test_a_process_that_kills_the_one_that_started_it_ends_alone(tmp_path: Path):
    source = "import os, time\nF.conv1d = lambda *w, **m: (os.kill(os.getppid(), 9), time.sleep(9999))"
    environment = sabotaged(tmp_path, source)

    report = tried(environment, "conv1d-float32", "conv3d-float32")

    assert ends(report) == {"conv1d-float32": (CRASH, "SIGKILL, computing"), "conv3d-float32": (OK, "")}


def test_what_prints_without_end_is_no_obstacle(tmp_path: Path):
    source = (
        "import os\nF.conv1d = lambda *words, **more: [os.write(1, b'x' * 65536) for _ in range(2000)] and 1 / 0"
    )
    environment = sabotaged(tmp_path, source)

    report = tried(environment, "conv1d-float32")

    assert ends(report)["conv1d-float32"] == (ERROR, "ZeroDivisionError: division by zero")


def test_where_importing_torch_opens_a_card_every_operation_has_a_python_of_its_own(tmp_path: Path):
    source = (
        "import sabotage\ntorch.cuda.is_initialized = lambda: True\nF.conv1d = lambda *w, **m: sabotage.crash()"
    )
    environment = sabotaged(tmp_path, source)

    report = tried(environment, "conv1d-float32", "conv3d-float32", "conv3d-bfloat16")

    assert {name: end[0] for name, end in ends(report).items()} == {
        "conv1d-float32": CRASH,
        "conv3d-float32": OK,
        "conv3d-bfloat16": OK,
    }


def test_where_importing_torch_has_started_threads_nothing_hangs_for_want_of_them(tmp_path: Path):
    """Of those that OpenMP waits for, none is there after a fork."""
    environment = sabotaged(tmp_path, "torch.set_num_threads(2)\ntorch.ones(1 << 21).sum()")
    plan = planned(environment, "tensors-reduce-float32", "matmul-256-float32")
    variables = {**plan.variables, "OMP_NUM_THREADS": "2"}

    report = probe.execute(replace(plan, variables=variables, deadline=60.0), lambda _: None)

    assert [one.result for one in report.outcomes] == [OK, OK]


def test_a_python_that_is_a_script_around_another_is_one_too(tmp_path: Path):
    environment = sabotaged(tmp_path, "import sabotage\nF.conv1d = lambda *words, **more: sabotage.crash()")
    python = environment / "bin/python"
    python.rename(python.with_name("real"))
    python.write_text('#!/bin/sh\n"${0%/*}/real" "$@"\nexit $?\n')
    python.chmod(0o755)

    report = tried(environment, "conv1d-float32", "conv3d-float32", "gru-float32")

    assert ends(report) == {
        "conv1d-float32": (CRASH, "SIGSEGV, computing"),
        "conv3d-float32": (OK, ""),
        "gru-float32": (OK, ""),
    }


def test_what_an_operation_has_detached_is_ended_by_ctrl_c_too(tmp_path: Path):
    pids = tmp_path / "pids"
    source = f"import sabotage\nF.conv3d = lambda *w, **m: (sabotage.detach({str(pids)!r}), sabotage.hang())"
    plan = planned(sabotaged(tmp_path, source), "conv1d-float32", "conv3d-float32")

    with _alarm_is_ctrl_c(lambda: pids.exists() and pids.read_text().endswith("\n")):
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        probe.execute(plan, lambda _: None)

    started = [int(line) for line in pids.read_text().split()]
    assert started
    until = time.monotonic() + GENEROUS
    while alive(started) and time.monotonic() < until:
        time.sleep(0.1)
    assert alive(started) == []


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    before = running()
    yield
    until = time.monotonic() + GENEROUS
    while running() - before and time.monotonic() < until:
        time.sleep(0.1)
