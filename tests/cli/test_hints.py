"""Every hint is a command that a person can run: for each, the error is provoked and the hint is followed.

A hint without a scenario fails the first test.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.support.acme import AcmeSite
from tests.support.commandline import CommandLine
from tests.support.hints import all_hints
from tests.support.scenes import SCENARIOS, Scenario, Scene

for file in sorted(Path(__file__).parent.glob("scenarios_of_*.py")):
    importlib.import_module(f"tests.cli.{file.stem}")  # they add to SCENARIOS


def test_every_hint_of_the_source_has_a_scenario():
    assert sorted({one.hint for one in SCENARIOS}) == sorted(all_hints())


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.provoke.__name__)
def test_the_hint_can_be_followed(one: Scenario, line: CommandLine, site: AcmeSite, tmp_path: Path):
    scene = Scene(line, site, tmp_path)

    failed = one.provoke(scene)

    assert (failed.code, bool(failed.error)) == (one.code, True), failed
    assert one.hint.matches(failed.hint), failed
    followed = one.follow(scene, failed.hint)
    assert followed.code == one.then, followed
