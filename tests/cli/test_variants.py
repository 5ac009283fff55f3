"""Deploying into a stack: a variant with a name of its own, in everything a stack."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.receipts import read_files, read_receipt
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library, Link, make_library
from tests.support.patched import hashes
from tests.support.trees import replace_content
from tests.support.variants import VARIANT, answers, deploy, patched

LIBRARY = "usr/lib/libacme.so.1"


@pytest.fixture
def stack(line: CommandLine) -> CommandLine:
    """Has acme-1.0, whose `rocminfo` exits with what libacme.so.1 answers: 42."""
    line.succeed("install", NAME, "--yes")
    return line


def entry(line: CommandLine, path: str, name: str = VARIANT) -> FileEntry:
    (found,) = (one for one in read_files(line.layout.prefixes / name) if one.path == path)
    return found


def test_a_variant_runs_with_its_own_library_and_the_stack_with_its(stack: CommandLine, tmp_path: Path) -> None:
    before = hashes(stack.layout.prefixes / NAME)

    made = deploy(stack, patched(tmp_path))

    assert made.code == 0, made
    assert answers(stack, NAME, VARIANT, "1.0", "acme-1") == [42, 7, 42, 42]
    assert hashes(stack.layout.prefixes / NAME) == before


def test_unchanged_programs_of_a_variant_load_from_the_variant_alone(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))

    listed = stack.succeed("run", VARIANT, "--", "sh", "-c", 'ldd "$(command -v rocminfo)"')

    (found,) = re.findall(r"libacme\.so\.1 => (\S+)", listed)
    tree = read_receipt(stack.layout.prefixes / VARIANT).tree
    assert Path(found).resolve() == stack.layout.prefixes / ".trees" / tree / LIBRARY


def test_a_variant_shares_every_other_file_with_its_stack(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))

    own, others = (stack.layout.prefixes / name for name in (VARIANT, NAME))
    files = [one.path for one in read_files(own) if one.kind == "file"]
    assert [path for path in files if not (own / path).samefile(others / path)] == [LIBRARY]


def test_the_receipt_says_what_stood_there_and_where_the_file_came_from(stack: CommandLine, tmp_path: Path) -> None:
    source = patched(tmp_path)
    deploy(stack, source)

    before, now = entry(stack, LIBRARY, NAME), entry(stack, LIBRARY)
    receipt = read_receipt(stack.layout.prefixes / VARIANT)
    assert (now.original_sha256, now.package) == (before.sha256, before.package)
    assert now.reason.startswith(f"deployed from {source}, SHA-256 ")
    assert (receipt.name, receipt.stack, receipt.kind) == (VARIANT, NAME, "prefix")
    assert receipt.notes == (f"`{LIBRARY}` is `{source}`",)


def test_verify_is_green_for_a_variant_and_notices_a_change(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))
    assert stack.run("verify", VARIANT).code == 0

    replace_content(stack.layout.prefixes / VARIANT / LIBRARY, b"not what it was")

    changed = stack.run("verify", VARIANT)
    assert (changed.code, LIBRARY in changed.out + changed.err) == (4, True)
    assert stack.run("verify", NAME).code == 0


def test_every_command_knows_a_variant_by_its_name(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))
    link = stack.layout.prefixes / VARIANT

    assert f"{VARIANT}  ROCm 1.0.0 · {NAME} with files of yours" in stack.succeed("list")
    assert stack.succeed("which", "rocminfo", VARIANT).strip() == str(link / "usr/bin/rocminfo")
    assert f"note       `{LIBRARY}` is" in stack.succeed("show", VARIANT)
    entered = stack.succeed("current", ROCMSWITCH_ACTIVE=VARIANT, ROCMSWITCH_WHY="use")
    assert entered.startswith(f"{VARIANT}  ")
    for dialect in ("sh", "fish", "dotenv", "json", "modulefile"):
        assert VARIANT in stack.succeed("env", VARIANT, "--shell", dialect)
    assert stack.run("doctor").code == 0
    assert stack.succeed("env", VARIANT, "--shell", "json") != stack.succeed("env", NAME, "--shell", "json")


def test_a_project_can_pin_a_variant(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))

    stack.succeed("use", VARIANT, "--pin", "--shell", "bash")

    assert (stack.home / ".rocm-version").read_text() == f"{VARIANT}\n"
    assert VARIANT in stack.succeed("current")


def test_a_version_never_means_a_variant(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path), "--name", "2.0")
    stack.succeed("remove", NAME, "--yes")

    left = {path.name for path in stack.layout.activations.iterdir()}

    assert left == {f"{NAME}+2.0.sh", f"{NAME}+2.0.fish"}
    assert [stack.run("run", word, "--", "true").code for word in ("1.0", "1", "2.0", NAME)] == [3, 3, 3, 3]
    assert answers(stack, f"{NAME}+2.0") == [7]


def test_undo_takes_a_variant_away_and_history_shows_both(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))

    stack.succeed("undo", "--yes")

    assert answers(stack, NAME, VARIANT) == [42, 3]
    assert not list(stack.layout.activations.glob("*+*"))
    told = json.loads(stack.succeed("history", VARIANT, "--json"))
    assert VARIANT in json.dumps(told)

    stack.succeed("undo", "2", "--yes")

    assert answers(stack, VARIANT) == [7]


def test_a_second_deployment_of_that_name_replaces_the_first_until_it_is_undone(
    stack: CommandLine, tmp_path: Path
) -> None:
    deploy(stack, patched(tmp_path, 7))
    second = deploy(stack, patched(tmp_path, 9))
    assert f"`{VARIANT}` is made anew from `{NAME}`" in second.err
    assert answers(stack, VARIANT) == [9]

    stack.succeed("undo", "--yes")

    assert answers(stack, VARIANT) == [7]


def test_deploying_into_a_variant_adds_to_it(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))
    greet = tmp_path / "greet"
    greet.write_text("#!/bin/sh\necho patched\n")

    added = deploy(stack, greet, "--as", "bin/greet", into=VARIANT)

    assert added.code == 0, added
    assert stack.succeed("run", VARIANT, "--", "greet") == "patched\n"
    assert answers(stack, VARIANT) == [7]
    assert entry(stack, "usr/bin/greet").original_sha256 == entry(stack, "usr/bin/greet", NAME).sha256


def test_the_same_deployment_again_changes_nothing(stack: CommandLine, tmp_path: Path) -> None:
    file = patched(tmp_path)
    deploy(stack, file)

    again = deploy(stack, file, "--json")

    assert (again.code, json.loads(again.out)["generation"]) == (0, None)
    assert "is there already" in again.err
    assert len(json.loads(stack.succeed("history", "--json"))) == 1


def test_what_is_undone_can_be_deployed_again(stack: CommandLine, tmp_path: Path) -> None:
    file = patched(tmp_path)
    deploy(stack, file)
    stack.succeed("undo", "--yes")

    again = deploy(stack, file)

    assert (again.code, answers(stack, VARIANT)) == (0, [7])


def test_a_removed_variant_comes_back_by_undo(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))

    stack.succeed("remove", VARIANT, "--yes")
    assert answers(stack, VARIANT) == [3]
    stack.succeed("undo", "--yes")

    assert answers(stack, VARIANT) == [7]


def test_a_dry_run_shows_the_plan_and_changes_nothing(stack: CommandLine, tmp_path: Path) -> None:
    before = hashes(stack.layout.data)

    shown = deploy(stack, patched(tmp_path), "--dry-run", "--json")

    plan = json.loads(shown.out)
    assert (shown.code, plan["variant"], plan["of"], plan["problems"]) == (0, VARIANT, NAME, [])
    assert hashes(stack.layout.data) == before


def test_the_new_file_finds_the_other_libraries_of_its_tree(stack: CommandLine, tmp_path: Path) -> None:
    """Its own search path leads to where it was built, as that of everything that was built by hand."""
    needy = tmp_path / "libextra.so"
    make_library(Library("libextra.so", needs=("libacme.so.1",), rpath="/opt/rocm/lib"), needy)

    made = deploy(stack, needy, "--as", "lib/plugins/libextra.so")

    assert made.code == 3 and "no folder" in made.error
    made = deploy(stack, needy, "--as", "lib/libextra.so")
    assert made.code == 0, made
    found = stack.succeed("run", VARIANT, "--", "ldd", str(stack.layout.prefixes / VARIANT / "usr/lib/libextra.so"))
    (path,) = re.findall(r"libacme\.so\.1 => (\S+)", found)
    assert Path(path).resolve().is_relative_to((stack.layout.prefixes / VARIANT).resolve())
    assert "DT_RPATH $ORIGIN" in entry(stack, "usr/lib/libextra.so").reason


def test_a_library_that_lacks_something_is_refused_unless_the_user_knows_better(
    stack: CommandLine, tmp_path: Path
) -> None:
    file = patched(tmp_path, needs=("libnowhere.so.3",))

    refused = deploy(stack, file)

    assert (refused.code, "libnowhere.so.3" in refused.error) == (5, True)
    assert not (stack.layout.prefixes / VARIANT).exists()
    forced = deploy(stack, file, "--force", "I bring it along")
    assert forced.code == 0, forced
    assert "I bring it along" in stack.succeed("history", "--json")


@pytest.mark.parametrize("name", ["UP", "a b", "../x", "x" * 64, "-x", "a..b", "é"])
def test_a_name_that_no_shell_could_look_for_is_refused(name: str, stack: CommandLine, tmp_path: Path) -> None:
    refused = deploy(stack, patched(tmp_path), "--name", name)

    assert refused.code == 2, refused
    assert {path.name for path in stack.layout.prefixes.iterdir()} == {NAME, ".trees"}


def test_an_environment_is_made_of_the_stack_itself(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))

    refused = stack.run("use", VARIANT, "--venv", "demo", "--yes")

    assert (refused.code, refused.hint) == (2, f"run `rocmswitch use {NAME} --venv demo`")


@pytest.mark.parametrize("goes_as", ["lib/libacme.so.1", "usr/lib/libacme.so.1"])
def test_a_path_is_read_below_the_rocm_tree_or_as_plans_show_it(
    goes_as: str, stack: CommandLine, tmp_path: Path
) -> None:
    made = deploy(stack, patched(tmp_path), "--as", goes_as)

    assert (made.code, answers(stack, VARIANT)) == (0, [7])


@pytest.mark.parametrize("goes_as", ["../x", "lib/../../x", "/etc/x", "lib/../../../../../../x"])
def test_nothing_is_deployed_outside_of_the_variant(goes_as: str, stack: CommandLine, tmp_path: Path) -> None:
    before = hashes(tmp_path / "rocmswitch")

    refused = deploy(stack, patched(tmp_path), "--as", goes_as)

    assert refused.code in (2, 5), refused
    assert not (stack.layout.prefixes / VARIANT).exists()
    assert hashes(tmp_path / "rocmswitch").keys() - before.keys() <= {"data/locks/changes.lock"}


def test_a_folder_with_several_files_is_deployed_whole(stack: CommandLine, tmp_path: Path) -> None:
    built = tmp_path / "built here"
    (built / "share/acme").mkdir(parents=True)
    (built / "share/acme/data").write_text("mine")
    patched(tmp_path).rename(built / "libacme.so")
    (built / "lib").mkdir()
    (built / "libacme.so").rename(built / "lib/libacme.so.1")

    made = deploy(stack, built, "--as", ".")

    assert made.code == 0, made
    assert answers(stack, VARIANT) == [7]
    assert (stack.layout.prefixes / VARIANT / "usr/share/acme/data").read_text() == "mine"
    assert stack.run("verify", VARIANT).code == 0


def test_links_to_a_library_stay_and_the_file_behind_them_is_replaced(
    line: CommandLine, site: AcmeSite, tmp_path: Path
) -> None:
    files = {
        "usr/lib/libMIOpen.so.1.0.60204": Library("libMIOpen.so.1"),
        "usr/lib/libMIOpen.so.1": Link("libMIOpen.so.1.0.60204"),
        "usr/lib/libMIOpen.so": Link("libMIOpen.so.1"),
    }
    site.repository.add(Deb("acme-dnn", "1.0-1", files=files))
    site.publish()
    site.let(line, rocm={"sets": {"runtime": ["acme-tools", "acme-dnn"]}})
    line.succeed("install", NAME, "--yes")
    new = tmp_path / "libMIOpen.so.1.0"
    make_library(Library("libMIOpen.so.1", value=7), new)

    made = deploy(line, new)

    lib = line.layout.prefixes / VARIANT / "usr/lib"
    assert made.code == 0, made
    assert (lib / "libMIOpen.so").readlink() == Path("libMIOpen.so.1")
    assert (lib / "libMIOpen.so").resolve().name == "libMIOpen.so.1.0.60204"
    assert (lib / "libMIOpen.so").read_bytes() == new.read_bytes()


def test_the_files_of_a_linked_rocm_are_not_changed(line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "rocm"
    (folder / "lib").mkdir(parents=True)
    make_library(Library("libamdhip64.so.6"), folder / "lib/libamdhip64.so")
    (folder / ".info").mkdir()
    (folder / ".info/version").write_text("6.2.4-139\n")
    line.succeed("link", str(folder), "theirs", "--yes")

    refused = deploy(line, folder / "lib/libamdhip64.so", into="theirs")

    assert (refused.code, str(folder) in refused.error) == (5, True)


def test_the_name_of_a_file_says_nothing_to_the_terminal(stack: CommandLine, tmp_path: Path) -> None:
    named = patched(tmp_path).rename(tmp_path / "a\x1b]0;owned\x07\nb.so")

    made = deploy(stack, named)

    assert made.code == 0, made
    shown = stack.succeed("show", VARIANT) + stack.succeed("history", "1") + made.err
    assert "\x1b" not in shown and "owned" in shown
    assert stack.run("verify", VARIANT).code == 0
