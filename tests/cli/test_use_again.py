"""`use --venv` for names that are taken: locks, other stacks, paths, and the way back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_receipt
from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, OTHER = "rocm-6.2.4", "rocm-6.1.2"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    """Somebody with two manifests and one environment."""
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK, OTHER)
    line.succeed("use", STACK, "--venv", "demo", "--yes")
    return line


def stack_of(line: CommandLine, name: str = "demo") -> str:
    return read_receipt(line.layout.venvs / name).stack


def test_a_name_that_belongs_to_another_stack_is_not_taken(line: CommandLine) -> None:
    outcome = line.run("use", OTHER, "--venv", "demo", "--yes")

    assert (outcome.code, outcome.error) == (5, f"the environment `demo` belongs to `{STACK}`")
    assert f"rocmswitch use {OTHER} --venv demo --rebind" in outcome.hint
    assert stack_of(line) == STACK


def test_rebinding_makes_a_new_tree_and_keeps_the_old_one_whole(line: CommandLine) -> None:
    demo = line.layout.venvs / "demo"
    old = demo.resolve()
    (old / "notes.txt").write_text("mine\n")

    line.succeed("use", OTHER, "--venv", "demo", "--rebind", "--yes")
    line.succeed("cache", "prune", "--yes")

    assert (stack_of(line), read_receipt(old).stack) == (OTHER, STACK)
    assert (old / "notes.txt").read_text() == "mine\n"
    assert not (demo / "notes.txt").exists()


def test_the_environment_before_a_rebinding_comes_back_with_what_was_put_into_it(line: CommandLine) -> None:
    demo = line.layout.venvs / "demo"
    (demo / "notes.txt").write_text("mine\n")
    line.succeed("use", OTHER, "--venv", "demo", "--rebind", "--yes")

    line.succeed("undo", "--yes")

    assert (stack_of(line), (demo / "notes.txt").read_text()) == (STACK, "mine\n")
    assert line.succeed("run", "demo", "--", "python", "-c", "print(1)") == "1\n"


def test_the_environment_before_a_rebinding_goes_when_it_is_let_go(line: CommandLine) -> None:
    old = (line.layout.venvs / "demo").resolve()
    line.succeed("use", OTHER, "--venv", "demo", "--rebind", "--yes")
    line.succeed("backup", "prune", "--yes")
    kept = old.is_dir()

    pruned = line.run("backup", "prune", "1", "--yes")

    assert f"the environment `demo` of {STACK} with torch 2.7.1+rocm6.2.4" in pruned.err
    assert (kept, old.exists(), stack_of(line)) == (True, False, OTHER)


def test_rebinding_to_the_same_stack_makes_it_as_new(line: CommandLine) -> None:
    demo = line.layout.venvs / "demo"
    (package,) = demo.glob("lib/python*/site-packages/torch/__init__.py")
    package.unlink()

    line.succeed("use", STACK, "--venv", "demo", "--rebind", "--yes")

    assert list(demo.glob("lib/python*/site-packages/torch/__init__.py"))


def test_making_it_as_new_keeps_the_torch_and_the_profile_that_it_had(line: CommandLine) -> None:
    older = (STACK, "--venv", "older")
    line.succeed("use", *older, "--torch", "2.6.0", "--profile", "rdna1-safe", "--yes")
    before = read_receipt(line.layout.venvs / "older")

    line.succeed("use", *older, "--rebind", "--yes")

    after = read_receipt(line.layout.venvs / "older")
    assert after.tree != before.tree
    assert (after.torch, after.profile) == ("2.6.0+rocm6.2.4", "rdna1-safe")


def test_making_it_as_new_for_processors_alone_brings_no_gpu_in(line: CommandLine, site: PytorchSite) -> None:
    line.succeed("use", STACK, "--venv", "small", "--cpu", "--yes", PIP_EXTRA_INDEX_URL=site.cpu)

    line.succeed("use", STACK, "--venv", "small", "--rebind", "--yes", PIP_EXTRA_INDEX_URL=site.cpu)
    assert read_receipt(line.layout.venvs / "small").torch == "2.7.1+cpu"

    line.succeed("use", STACK, "--venv", "small", "--rebind", "--torch", "2.7.1", "--yes")
    assert read_receipt(line.layout.venvs / "small").torch == "2.7.1+rocm6.2.4"


def test_wheels_of_a_card_are_made_as_new_where_no_card_is_seen(line: CommandLine, site: PytorchSite) -> None:
    site.let(line, "therock-10.1")
    line.succeed("use", "therock-10.1", "--venv", "rock", "--gpu", "gfx1010", "--yes")

    line.succeed("use", "therock-10.1", "--venv", "rock", "--rebind", "--yes")

    assert read_receipt(line.layout.venvs / "rock").cards == {"gfx1010"}


def test_purging_an_environment_removes_what_it_replaced(line: CommandLine) -> None:
    line.succeed("use", OTHER, "--venv", "demo", "--rebind", "--yes")

    line.succeed("remove", "demo", "--purge", "--yes")

    assert list((line.layout.venvs / ".trees").iterdir()) == []


def test_an_environment_that_is_there_is_entered_without_asking_anybody(
    line: CommandLine, site: PytorchSite
) -> None:
    site.server.requests.clear()

    outcome = line.run("use", "6.2", "--venv", "demo")

    assert (outcome.code, site.server.requests) == (0, [])


def test_another_torch_for_a_name_that_is_taken_is_refused(line: CommandLine) -> None:
    outcome = line.run("use", STACK, "--venv", "demo", "--torch", "2.6.0", "--yes")

    assert (outcome.code, outcome.error) == (5, "the environment `demo` has PyTorch 2.7.1+rocm6.2.4")


def test_a_card_may_be_named_for_an_environment_with_another_torch_than_the_newest(line: CommandLine) -> None:
    line.succeed("use", STACK, "--venv", "older", "--torch", "2.6.0", "--yes")

    assert line.run("use", STACK, "--venv", "older", "--gpu", "gfx1100", "--python", sys.executable).code == 0


def test_a_lock_gives_the_same_environment_and_the_same_lock(line: CommandLine, tmp_path: Path) -> None:
    lock = line.layout.venvs / "demo/rocmswitch.lock"
    other = CommandLine(tmp_path / "other", line.environment)
    other.layout.manifests.mkdir(parents=True)
    for manifest in line.layout.manifests.iterdir():
        (other.layout.manifests / manifest.name).write_bytes(manifest.read_bytes())

    other.succeed("use", STACK, "--venv", "copy", "--locked", str(lock), "--yes")

    copy = other.layout.venvs / "copy"
    assert (copy / "rocmswitch.lock").read_bytes() == lock.read_bytes()
    hashes = [
        {one.filename: one.sha256 for one in read_receipt(tree).packages}
        for tree in (copy, line.layout.venvs / "demo")
    ]
    assert hashes[0] == hashes[1]
    assert {one.verification for one in read_receipt(copy).packages} == {"pinned"}


def test_a_lock_refuses_a_wheel_that_is_not_the_same_any_more(
    line: CommandLine, site: PytorchSite, tmp_path: Path
) -> None:
    content = json.loads((line.layout.venvs / "demo/rocmswitch.lock").read_bytes())
    torch = next(one for one in content["wheels"] if one["name"] == "torch")
    torch["sha256"] = "0" * 64
    lock = tmp_path / "edited.lock"
    lock.write_text(json.dumps(content))

    outcome = line.run("use", STACK, "--venv", "copy", "--locked", str(lock), "--yes")

    assert outcome.code == 4
    assert "0" * 64 in outcome.error
    assert not (line.layout.venvs / "copy").exists()


@pytest.mark.parametrize("field", ("name", "version"))
def test_a_lock_cannot_pass_one_wheel_off_as_another(field: str, line: CommandLine, tmp_path: Path) -> None:
    content = json.loads((line.layout.venvs / "demo/rocmswitch.lock").read_bytes())
    content["wheels"][0][field] = "0.1"
    lock = tmp_path / "edited.lock"
    lock.write_text(json.dumps(content))

    outcome = line.run("use", STACK, "--venv", "copy", "--locked", str(lock), "--yes")

    assert outcome.code == 2
    assert content["wheels"][0]["file"] in outcome.error


@pytest.mark.parametrize(
    ("change", "code", "said"),
    (
        ({"stack": OTHER}, 5, f"the lock is of `{OTHER}`, not of `{STACK}`"),
        ({"python": "py"}, 2, "`py` is not the tag of an interpreter like `cp311`"),
        ({"schema": 2}, 2, "it has schema 2"),
        ({"wheels": "none"}, 2, "$.wheels"),
    ),
)
def test_a_lock_of_something_else_is_refused(
    change: dict[str, object], code: int, said: str, line: CommandLine, tmp_path: Path
) -> None:
    content = json.loads((line.layout.venvs / "demo/rocmswitch.lock").read_bytes())
    lock = tmp_path / "edited.lock"
    lock.write_text(json.dumps(content | change))

    outcome = line.run("use", STACK, "--venv", "copy", "--locked", str(lock), "--yes")

    assert outcome.code == code
    assert said in outcome.error


def test_an_environment_at_a_path_is_a_link_to_one_of_ours(line: CommandLine) -> None:
    line.succeed("use", STACK, "--venv", "./my project/.venv", "--yes")

    link = line.home / "my project/.venv"
    assert link.is_symlink()
    assert link.readlink().parent == line.layout.venvs
    assert link.readlink().name.startswith("my-project-")
    assert line.run("run", "./my project/.venv", "--", "python", "-c", "import torch").code == 0


def test_a_folder_in_the_way_of_a_path_stays(line: CommandLine) -> None:
    mine = line.home / ".venv"
    mine.mkdir()

    outcome = line.run("use", STACK, "--venv", ".venv", "--yes")

    assert (outcome.code, outcome.error) == (5, f"`{mine}` is there already, and rocmswitch did not make it")
    assert sorted(path.name for path in line.layout.venvs.iterdir()) == [".trees", "demo"]
