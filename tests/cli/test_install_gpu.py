"""Prefixes without the files of other cards: install --gpu."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocmswitch.metadata.lock import Lock, LockedPackage, LockedSource, render_lock
from rocmswitch.store.gpufiles import kernel_bytes
from rocmswitch.store.receipts import read_files, read_receipt
from tests.support.acme import NAME, AcmeSite
from tests.support.cardroots import rx5700xt_machine
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Link
from tests.support.gpustack import BLAS, KEPT, OTHERS, SETS, SIZE, fat_library, install_kernels, offer_kernels
from tests.support.offloadbundles import bundle
from tests.support.trees import replace_content


def there(prefix: Path, *paths: str) -> list[bool]:
    return [(prefix / path).exists() for path in paths]


def inodes(prefix: Path) -> dict[str, int]:
    return {one.path: (prefix / one.path).lstat().st_ino for one in read_files(prefix) if one.kind == "file"}


def test_files_of_other_cards_alone_are_left_out_and_all_else_is_there(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line, "--gpu", "gfx1010")

    receipt = read_receipt(prefix)
    assert (there(prefix, *KEPT), there(prefix, *OTHERS)) == ([True] * len(KEPT), [False] * len(OTHERS))
    assert receipt.gpus == ("gfx1010",)
    assert sorted({(one.library, one.gpu) for one in receipt.left_out}) == [
        ("MIOpen", "gfx1030"),
        ("MIOpen", "gfx908"),
        ("hipBLASLt", "gfx90a"),
        ("rocBLAS", "gfx1030"),
        ("rocBLAS", "gfx90a"),
    ]
    assert sum(one.count for one in receipt.left_out) == len(OTHERS)
    assert not {one.path for one in read_files(prefix)} & set(OTHERS)
    line.succeed("verify", NAME)


def test_what_was_saved_and_what_is_lacking_is_said(site: AcmeSite, line: CommandLine):
    offer_kernels(site, line)

    outcome = line.run("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--yes")

    assert "for gfx1010 alone: how much is for other cards is not known before it is unpacked" in outcome.err
    assert f"for gfx1010 alone: {len(OTHERS)} files of other cards left out" in outcome.err
    assert "note: hipBLASLt has no kernels for gfx1010" in outcome.err
    assert "note: MIOpen has no tuning databases for gfx1010" in outcome.err
    assert "rocBLAS has no" not in outcome.err
    assert "7 files of other cards" in line.succeed("show", NAME)


def test_the_tested_lock_says_before_how_much_smaller_it_will_be(site: AcmeSite, line: CommandLine):
    offer_kernels(site, line)
    plan = json.loads(line.succeed("install", NAME, "--set", "libraries", "--dry-run", "--json"))
    lock(site, line, plan)

    found = json.loads(
        line.succeed("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--dry-run", "--json")
    )
    said = line.run("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--dry-run").err

    line.succeed("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--yes")
    size = sum(one.size for one in read_receipt(line.layout.prefixes / NAME).left_out)
    assert (found["gpus"], found["left_out_is_known"], found["left_out_size"]) == (["gfx1010"], True, size)
    assert found["installed_size"] == plan["installed_size"] - size
    assert " on disk" in said and " → " in said
    assert found["tree"] != plan["tree"]


def test_another_set_keeps_the_choice(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line, "--gpu", "gfx1010")
    before = inodes(prefix)

    line.succeed("install", NAME, "--set", "compiler", "--yes")

    after = inodes(prefix)
    assert read_receipt(prefix).gpus == ("gfx1010",)
    assert there(prefix, *OTHERS) == [False] * len(OTHERS)
    assert {path: after[path] for path in before} == before
    assert read_receipt(prefix).left_out


def test_all_brings_the_other_files_back_and_shares_what_was_there(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line, "--gpu", "gfx1010")
    before = inodes(prefix)

    line.succeed("install", NAME, "--gpu", "all", "--yes")

    after, receipt = inodes(prefix), read_receipt(prefix)
    assert there(prefix, *OTHERS) == [True] * len(OTHERS)
    assert (receipt.gpus, receipt.left_out) == ((), ())
    assert {path: after[path] for path in before} == before
    line.succeed("verify", NAME)


def test_a_link_into_what_another_package_had_for_other_cards_goes_and_comes_with_it(
    site: AcmeSite, line: CommandLine
):
    links = {"usr/share/acme/one": Link(f"../../../{KEPT[0]}"), "usr/share/acme/other": Link("second")}
    links["usr/share/acme/second"] = Link(f"../../../{OTHERS[0]}")
    links["usr/share/acme/folder"] = Link("../../lib/hipblaslt")
    site.repository.add(Deb("acme-links", "1.0-1", depends="acme-blas", files=links))
    offer_kernels(site, line, sets={**SETS, "libraries": ["acme-links"]})
    line.succeed("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--yes")
    prefix = line.layout.prefixes / NAME

    dangling = [one for one in prefix.rglob("*") if one.is_symlink() and not one.exists()]
    kept = {path for path in links if (prefix / path).is_symlink()}
    assert (dangling, kept) == ([], {"usr/share/acme/one", "usr/share/acme/folder"})
    assert {(one.library, one.gpu) for one in read_receipt(prefix).left_out if one.package == "acme-links"} == {
        ("rocBLAS", "gfx1030")
    }
    line.succeed("verify", NAME)
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    assert {path for path in links if (prefix / path).is_symlink()} == kept
    line.succeed("install", NAME, "--gpu", "all", "--yes")
    assert all((prefix / path).is_symlink() and (prefix / path).exists() for path in links)
    line.succeed("verify", NAME)


def test_a_choice_afterwards_needs_no_archive_and_shares_all_that_stays(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line)
    before = inodes(prefix)
    line.succeed("cache", "prune", "--all", "--yes")
    site.server.requests.clear()

    line.succeed("install", NAME, "--gpu", "gfx1010", "--yes")

    after = inodes(prefix)
    assert there(prefix, *OTHERS) == [False] * len(OTHERS)
    assert before.keys() - after.keys() == set(OTHERS)
    assert {path: before[path] for path in after} == after
    assert [path for path in asked(site) if path.endswith(".deb")] == []
    assert sum(one.count for one in read_receipt(prefix).left_out) == len(OTHERS)


def test_another_card_drops_and_adds_files_and_keeps_what_both_need(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line, "--gpu", "gfx1010")
    before = inodes(prefix)

    line.succeed("install", NAME, "--gpu", "gfx1030", "--yes")

    after = inodes(prefix)
    assert there(prefix, f"{BLAS}/Kernels.so-000-gfx1030.hsaco", f"{BLAS}/Kernels.so-000-gfx1010.hsaco") == [
        True,
        False,
    ]
    assert {path: before[path] for path in before.keys() & after.keys()} == {
        path: after[path] for path in before.keys() & after.keys()
    }
    line.succeed("verify", NAME)


def test_several_cards_may_be_named_with_commas_and_repeatedly(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line, "--gpu", "gfx90a,gfx1030", "--gpu", "gfx1010")

    assert read_receipt(prefix).gpus == ("gfx90a", "gfx1010", "gfx1030")
    assert [path for path in OTHERS if not (prefix / path).exists()] == ["usr/share/miopen/db/gfx90878.db"]


def test_what_is_there_for_those_cards_needs_no_network(site: AcmeSite, line: CommandLine):
    install_kernels(site, line, "--gpu", "gfx1010")
    site.server.requests.clear()

    outcome = line.run("install", NAME, "--gpu", "gfx1010", "--yes")

    assert (outcome.code, "is installed already" in outcome.err, asked(site)) == (0, True, [])


def test_a_repair_keeps_the_choice_and_shares_what_is_whole(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line, "--gpu", "gfx1010")
    before = inodes(prefix)
    replace_content(prefix / KEPT[0], b"damaged")

    line.succeed("repair", NAME, "--yes")

    after = inodes(prefix)
    assert read_receipt(prefix).gpus == ("gfx1010",)
    assert there(prefix, *OTHERS) == [False] * len(OTHERS)
    assert [path for path in before if before[path] != after[path]] == [KEPT[0]]
    line.succeed("verify", NAME)


def test_a_library_that_was_damaged_is_made_anew(site: AcmeSite, line: CommandLine):
    prefix = install_kernels(site, line)
    replace_content(prefix / "usr/lib/libblas.so.1", fat_library() + b"more")

    line.succeed("repair", NAME, "--yes")

    line.succeed("verify", NAME)


def test_the_card_of_this_machine_is_taken(site: AcmeSite, line: CommandLine, tmp_path: Path):
    machine = rx5700xt_machine(tmp_path / "machine")
    offer_kernels(site, line)

    line.succeed("install", NAME, "--set", "libraries", "--gpu", "auto", "--yes", ROCMSWITCH_SYSROOT=str(machine))

    assert read_receipt(line.layout.prefixes / NAME).gpus == ("gfx1010",)


def test_no_link_for_the_card_leads_to_what_was_left_out(site: AcmeSite, line: CommandLine):
    files = {
        "usr/lib64": Link("lib"),
        f"{BLAS}/way_gfx1010.co": Link("../../../lib64/rocblas/library/real_gfx1030.co"),
        f"{BLAS}/real_gfx1030.co": bundle("gfx1030", size=SIZE),
        f"{BLAS}/chain_gfx1010.co": Link("chain_gfx1030.co"),
        f"{BLAS}/chain_gfx1030.co": Link("chain_gfx90a.co"),
        f"{BLAS}/chain_gfx90a.co": bundle("gfx90a", size=SIZE),
        f"{BLAS}/other_gfx90a.co": bundle("gfx90a", size=SIZE),
    }
    site.repository.add(Deb("acme-links", "1.0-1", depends="acme-core", files=files))
    offer_kernels(site, line)
    site.let(line, rocm={"sets": {"runtime": ["acme-links"]}})
    prefix = line.layout.prefixes / NAME

    for words in (("--gpu", "gfx1010"), ("--gpu", "all"), ("--gpu", "gfx1010")):
        line.succeed("install", NAME, *words, "--yes")

        assert [path for path in files if (prefix / path).is_symlink() and not (prefix / path).exists()] == []
        assert (prefix / f"{BLAS}/chain_gfx1010.co").is_file() and (prefix / f"{BLAS}/way_gfx1010.co").is_file()
        assert (prefix / f"{BLAS}/other_gfx90a.co").exists() == ("all" in words)
    line.succeed("verify", NAME)


@pytest.mark.parametrize("variable", ["HSA_OVERRIDE_GFX_VERSION", "HSA_OVERRIDE_GFX_VERSION_0"])
def test_what_the_user_has_the_card_of_this_machine_taken_for_is_kept_too(
    site: AcmeSite, line: CommandLine, tmp_path: Path, variable: str
):
    machine = rx5700xt_machine(tmp_path / "machine")
    offer_kernels(site, line)
    words = ("install", NAME, "--set", "libraries", "--gpu", "auto", "--dry-run", "--json")

    plan = line.succeed(*words, ROCMSWITCH_SYSROOT=str(machine), **{variable: "10.3.0"})

    assert json.loads(plan)["gpus"] == ["gfx1010", "gfx1030"]


def test_a_card_that_the_manifest_has_taken_for_another_keeps_the_files_of_both(site: AcmeSite, line: CommandLine):
    offer_kernels(site, line)
    gpus = {"gfx1010": {"support": "partial", "environment": {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}}}
    site.let(line, rocm={"sets": {"runtime": ["acme-blas"]}}, gpus=gpus)

    outcome = line.run("install", NAME, "--gpu", "gfx1010", "--yes")

    prefix = line.layout.prefixes / NAME
    assert "for gfx1010 alone, and gfx1030 that they are taken for" in outcome.err
    gone = [path for path in OTHERS if not (prefix / path).exists()]
    assert [path for path in gone if "1030" in path] == [] != gone


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gpu", "gfx1010,all"], "`--gpu all` stands alone"),
        (["--gpu", "gfx10-1-generic"], "is a family of cards"),
        (["--gpu", "gfx9999"], "is no card that rocmswitch knows"),
        (["--gpu", "../x"], "is not a card like `gfx1010`"),
        (["--gpu", ""], "is no card that rocmswitch knows"),
        (["--gpu", "gfx1010,"], "is no card that rocmswitch knows"),
    ],
)
def test_a_choice_that_means_nothing_is_refused(line: CommandLine, words: list[str], said: str):
    outcome = line.run("install", NAME, "--yes", *words)

    assert (outcome.code, said in outcome.err) == (2, True), outcome


def test_a_tree_keeps_the_name_that_it_has_without_a_choice(site: AcmeSite, line: CommandLine):
    offer_kernels(site, line)

    plain = json.loads(line.succeed("install", NAME, "--dry-run", "--json"))["tree"]
    everything = json.loads(line.succeed("install", NAME, "--gpu", "all", "--dry-run", "--json"))["tree"]
    chosen = json.loads(line.succeed("install", NAME, "--gpu", "gfx1010", "--dry-run", "--json"))["tree"]

    assert plain == everything != chosen


def test_show_tells_the_bytes_of_each_card(site: AcmeSite, line: CommandLine):
    install_kernels(site, line)

    found = json.loads(line.succeed("show", NAME, "--gpus", "--json"))
    shown = line.succeed("show", NAME, "--gpus")

    one = next(each for each in found["targets"] if each["target"] == "gfx1010")
    assert one["size"] >= SIZE and one["saved"] > 3 * SIZE and 8192 < one["inside"] <= 8192 + 4096
    (library,) = found["libraries"]
    assert (library["path"], set(library["bytes"])) == ("usr/lib/libblas.so.1", {"gfx1010", "gfx90a"})
    assert "gfx1010" in shown and "usr/lib/libblas.so.1" in shown


def test_packages_of_other_cards_are_taken_unless_cards_are_chosen(
    site: AcmeSite, line: CommandLine, tmp_path: Path
):
    gpus = ("gfx1010", "gfx942", "gfx110x")
    site.repository.add(*(Deb(f"acme-{gpu}", files={f"usr/share/{gpu}": gpu}) for gpu in gpus))
    site.publish()
    site.let(line, rocm={"sets": {"runtime": ["acme-tools", "acme-{gpu} (>= 1.0)"]}})
    machine = str(rx5700xt_machine(tmp_path / "machine"))

    everything = line.run("install", NAME, "--dry-run", ROCMSWITCH_SYSROOT=machine)
    chosen = line.run("install", NAME, "--dry-run", "--gpu", "auto", ROCMSWITCH_SYSROOT=machine)

    assert [gpu in everything.out for gpu in gpus] == [True, True, True]
    assert "packages for 3 cards: `--gpu auto` would spare 2 of them" in everything.err
    assert [gpu in chosen.out for gpu in gpus] == [True, False, False]


def asked(site: AcmeSite) -> list[str]:
    return [str(one.path) for one in site.server.requests]


def lock(site: AcmeSite, line: CommandLine, plan: dict[str, Any]) -> None:
    """A tested lock of *plan* beside the manifest, as reading the archives makes it."""
    source = LockedSource(suite="stable", date="2026-01-02T03:04:05Z", fingerprint="A" * 40, sha256="0" * 64)
    packages = tuple(
        LockedPackage(
            architecture="amd64",
            filename=one["url"].partition("/apt/")[2],
            sets=("runtime", "libraries"),
            source="0",
            kernels=kernel_bytes(site.folder / site.archive(one["name"])),
            **{key: one[key] for key in ("name", "version", "size", "installed_size", "sha256")},
        )
        for one in plan["packages"]
    )
    found = Lock(schema=1, stack=NAME, date=source.date, sources=(source,), packages=packages)
    (line.layout.manifests / f"{NAME}.lock").write_bytes(render_lock(found))


def test_a_stack_without_files_for_single_cards_says_so(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    outcome = line.run("show", NAME, "--gpus")

    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "nothing in acme-1.0 is for single cards, as far as its files tell\n"
