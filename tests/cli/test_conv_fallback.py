"""`use` and the wheel that takes the place of MIOpen's convolutions: put in by card, kept, refused, left out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv as uv_package

import rocmswitch
from rocmswitch.model.convolutionwords import CONVOLUTIONS
from rocmswitch.store.receipts import read_receipt
from tests.support.commandline import CommandLine
from tests.support.kfd import RX5700XT, RX6800, plug
from tests.support.pytorchsite import PytorchSite
from tests.support.pytorchwheels import make

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, NATIVE, OLD = "rocm-6.2.4", "therock-10.1", "debian-5.2.3"
VERSION = rocmswitch.__version__


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


def somebody(folder: Path, site: PytorchSite, *cards: object) -> CommandLine:
    root = plug(folder / "machine", *cards)  # type: ignore[arg-type]
    line = CommandLine(folder, {"PIP_INDEX_URL": site.simple, "ROCMSWITCH_SYSROOT": str(root)})
    site.let(line, STACK, NATIVE)
    return line


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    """Somebody with an RX 5700 XT and nothing installed."""
    return somebody(tmp_path, site, RX5700XT)


@pytest.fixture(scope="module")
def made(site: PytorchSite, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The same with `demo` as it comes and `plain` with MIOpen's own convolutions. Not to be changed."""
    line = somebody(tmp_path_factory.mktemp("with a blank") / "in it", site, RX5700XT)
    line.succeed("use", STACK, "--venv", "demo", "--yes")
    line.succeed("use", STACK, "--venv", "plain", "--no-conv-fallback", "--yes")
    return line


def versions(line: CommandLine, name: str = "demo") -> dict[str, str]:
    return {one.name: one.version for one in read_receipt(line.layout.venvs / name).packages}


def files(line: CommandLine, name: str = "demo") -> set[str]:
    (found,) = (line.layout.venvs / name).glob("lib/python*/site-packages")
    return {path.name for path in found.iterdir() if "rocmswitch" in path.name}


def test_a_card_that_hangs_in_miopen_gets_it_by_itself(made: CommandLine) -> None:
    assert versions(made)[CONVOLUTIONS] == VERSION
    assert files(made) == {
        *("rocmswitch_convolutions", "_rocmswitch_convolutions.py", "rocmswitch_convolutions.pth"),
        f"rocmswitch_convolutions-{VERSION}.dist-info",
    }


def test_who_does_not_want_it_does_not_get_it(made: CommandLine) -> None:
    assert (CONVOLUTIONS in versions(made, "plain"), files(made, "plain")) == (False, set())


def test_the_plan_says_what_it_is_for_and_that_nobody_has_tried_it_here(line: CommandLine) -> None:
    outcome = line.run("use", STACK, "--venv", "demo", "--dry-run")

    assert (
        f"  {CONVOLUTIONS} {VERSION}  made by rocmswitch: replaces MIOpen's convolutions, which hang on gfx1010; "
        "not tried on this card yet"
    ) in outcome.err
    assert list(line.layout.archives.glob("*")) == []


def test_the_plan_for_programs_says_it_too(line: CommandLine) -> None:
    plans = [
        json.loads(line.succeed("use", STACK, "--venv", "demo", "--dry-run", "--json", *more))
        for more in ((), ("--no-conv-fallback",))
    ]

    assert [plan["convolutions"] for plan in plans] == ["fallback", "vendor"]
    (wheel,) = (one for one in plans[0]["wheels"] if one["name"] == CONVOLUTIONS)
    assert (wheel["url"], wheel["verification"], wheel["cached"]) == (None, "pinned", True)
    assert plans[0]["download_size"] == plans[1]["download_size"]


def test_another_card_gets_it_only_when_asked_for_and_then_acts_on_it(site: PytorchSite, tmp_path: Path) -> None:
    line = somebody(tmp_path, site, RX6800)

    line.succeed("use", STACK, "--venv", "usual", "--yes")
    line.succeed("use", STACK, "--venv", "asked", "--conv-fallback", "--yes")

    assert (versions(line, "usual").get(CONVOLUTIONS), versions(line, "asked")[CONVOLUTIONS]) == (
        None,
        f"{VERSION}+gfx1030",
    )
    (targets,) = (line.layout.venvs / "asked").glob("lib/python*/site-packages/rocmswitch_convolutions/targets.py")
    assert 'TARGETS += ("gfx1030",)' in targets.read_text().splitlines()


def test_a_stack_whose_convolutions_work_on_the_card_keeps_them(line: CommandLine) -> None:
    outcome = line.run("use", NATIVE, "--venv", "demo", "--dry-run")

    assert (outcome.code, CONVOLUTIONS in outcome.err) == (0, False)


def test_processors_alone_never_get_it(line: CommandLine, site: PytorchSite) -> None:
    words = ("use", STACK, "--venv", "demo", "--cpu", "--dry-run")

    outcome = line.run(*words, PIP_EXTRA_INDEX_URL=site.cpu)
    refused = line.run(*words, "--conv-fallback", PIP_EXTRA_INDEX_URL=site.cpu)

    assert (outcome.code, CONVOLUTIONS in outcome.err) == (0, False)
    assert (refused.code, refused.error) == (
        2,
        "`--conv-fallback` is for a GPU, and `--cpu` makes an environment for none",
    )


@pytest.mark.parametrize(
    ("words", "error"),
    (
        ((STACK, "--conv-fallback"), "`--conv-fallback` is for an environment, which `--venv NAME` names"),
        ((STACK, "--no-conv-fallback"), "`--no-conv-fallback` is for an environment, which `--venv NAME` names"),
        (
            (OLD, "--venv", "new", "--conv-fallback"),
            f"`{OLD}` has no PyTorch, so `--conv-fallback` means nothing there",
        ),
    ),
)
def test_where_it_means_nothing_it_is_refused(words: tuple[str, ...], error: str, made: CommandLine) -> None:
    outcome = made.run("use", *words, "--yes")

    assert (outcome.code, outcome.error) == (2, error)


def test_the_lock_does_not_name_what_no_index_has(made: CommandLine) -> None:
    lock = json.loads((made.layout.venvs / "demo/rocmswitch.lock").read_bytes())

    assert CONVOLUTIONS not in json.dumps(lock)
    assert lock == json.loads((made.layout.venvs / "plain/rocmswitch.lock").read_bytes())
    assert CONVOLUTIONS not in (made.layout.venvs / "demo/constraints.txt").read_text()


@pytest.mark.parametrize(("card", "there"), ((RX5700XT, True), (RX6800, False)), ids=("gfx1010", "gfx1030"))
def test_a_lock_from_elsewhere_gives_each_machine_what_its_card_needs(
    card: object, there: bool, made: CommandLine, site: PytorchSite, tmp_path: Path
) -> None:
    other = somebody(tmp_path, site, card)

    other.succeed(
        "use", STACK, "--venv", "demo", "--yes", "--locked", str(made.layout.venvs / "demo/rocmswitch.lock")
    )

    assert (CONVOLUTIONS in versions(other)) is there
    assert versions(other).items() >= {**versions(made, "plain")}.items()


def test_a_lock_that_names_it_is_refused(made: CommandLine, tmp_path: Path) -> None:
    lock = json.loads((made.layout.venvs / "demo/rocmswitch.lock").read_bytes())
    file = f"rocmswitch_convolutions-{VERSION}-py3-none-any.whl"
    forged = {**lock["wheels"][0], "name": CONVOLUTIONS, "version": VERSION, "file": file}
    (tmp_path / "forged.lock").write_text(json.dumps(lock | {"wheels": [*lock["wheels"], forged]}))

    outcome = made.run("use", STACK, "--venv", "new", "--yes", "--locked", str(tmp_path / "forged.lock"))

    assert (outcome.code, outcome.error) == (
        2,
        f"`{CONVOLUTIONS}` is among the wheels, and only rocmswitch itself makes that one",
    )


def test_one_of_that_name_that_something_else_asks_for_is_not_taken(line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    forged = make(CONVOLUTIONS, "99.0", files={"forged.py": ""})
    asking = make("filelock", "99.0", files={"filelock.py": ""}, requires=[CONVOLUTIONS])
    for wheel in (forged, asking):
        (folder / wheel.filename).write_bytes(wheel.content)

    outcome = line.run("use", STACK, "--venv", "demo", "--yes", PIP_FIND_LINKS=str(folder))

    assert (outcome.code, "only rocmswitch itself makes that one" in outcome.error) == (2, True)


@pytest.mark.parametrize(
    ("name", "word", "has"),
    (
        ("demo", "--no-conv-fallback", "the replacement of MIOpen's convolutions"),
        ("plain", "--conv-fallback", "MIOpen's own convolutions"),
    ),
)
def test_an_environment_that_has_the_other_is_refused(name: str, word: str, has: str, made: CommandLine) -> None:
    outcome = made.run("use", STACK, "--venv", name, word, "--yes")

    assert (outcome.code, outcome.error) == (5, f"the environment `{name}` has {has}")
    assert f"`rocmswitch use {STACK} --venv {name} --rebind {word}`" in outcome.hint


def test_one_that_has_what_is_asked_for_is_entered(made: CommandLine) -> None:
    assert made.run("use", STACK, "--venv", "demo", "--conv-fallback").code == 0
    assert made.run("use", STACK, "--venv", "plain", "--no-conv-fallback").code == 0
    assert [made.run("use", STACK, "--venv", name).code for name in ("demo", "plain")] == [0, 0]


def test_making_it_anew_keeps_the_choice_until_there_is_another(line: CommandLine) -> None:
    line.succeed("use", STACK, "--venv", "demo", "--no-conv-fallback", "--yes")
    found = []
    for more in ((), ("--conv-fallback",), ()):
        line.succeed("use", STACK, "--venv", "demo", "--rebind", *more, "--yes")
        found.append(CONVOLUTIONS in versions(line))

    line.succeed("undo", "--yes")

    assert (found, line.run("verify", "demo").code) == ([False, True, True], 0)


def test_it_is_verified_shown_and_removed_like_any_wheel(site: PytorchSite, made: CommandLine) -> None:
    assert made.run("verify", "demo").code == 0
    assert "convolutions  fallback" in made.succeed("show", "demo")
    assert "convolutions  vendor" in made.succeed("show", "plain")
    assert ", conv-fallback)" in made.succeed("current", ROCMSWITCH_STACK="demo")
    assert "conv-fallback" not in made.succeed("current", ROCMSWITCH_STACK="plain")
    said = json.loads(made.succeed("current", "--json", ROCMSWITCH_STACK="demo"))
    assert said["convolutions"] == "fallback"


def findings(line: CommandLine, name: str, **environment: str) -> list[str]:
    """The ids of what doctor says of convolutions in the environment *name*."""
    found = json.loads(line.run("doctor", name, "--json", **environment).out)
    return [one["id"] for one in found if one["id"].startswith("conv-")]


def test_doctor_says_that_nobody_has_tried_it_and_what_keeps_it_off(made: CommandLine) -> None:
    assert findings(made, "demo") == ["conv-untried:demo"]
    assert findings(made, "demo", ROCMSWITCH_CONV="off") == ["conv-off:demo"]
    assert findings(made, "plain") == []  # its owner has said so


def test_doctor_tells_who_has_it_not_and_its_remedy_puts_it_in(site: PytorchSite, tmp_path: Path) -> None:
    line = somebody(tmp_path, site)
    line.succeed("use", STACK, "--venv", "demo", "--yes")
    card = {"ROCMSWITCH_SYSROOT": str(plug(tmp_path / "with card", RX5700XT))}
    before = findings(line, "demo", **card)

    line.succeed("use", STACK, "--venv", "demo", "--rebind", "--yes", **card)

    assert (before, findings(line, "demo", **card)) == (["conv-lacking:demo"], ["conv-untried:demo"])


def test_the_owner_may_uninstall_it_and_python_starts_as_ever_and_doctor_tells(line: CommandLine) -> None:
    line.succeed("use", STACK, "--venv", "demo", "--yes")
    python = line.layout.venvs / "demo/bin/python"

    subprocess.run(
        [uv_package.find_uv_bin(), "pip", "uninstall", "--quiet", "--python", python, CONVOLUTIONS], check=True
    )

    done = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
    assert (files(line), done.returncode, done.stderr) == (set(), 0, "")
    assert "rocmswitch_convolutions" in line.run("verify", "demo").out
    assert findings(line, "demo") == ["conv-removed:demo"]


def test_a_second_environment_asks_no_server(made: CommandLine, site: PytorchSite) -> None:
    site.server.requests.clear()

    made.succeed("use", STACK, "--venv", "second", "--yes")

    assert (site.server.requests, versions(made, "second")) == ([], versions(made))
