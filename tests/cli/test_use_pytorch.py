"""`use --venv` for stacks with PyTorch, against an index with the layout of the real one."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from rocmswitch.store.receipts import read_receipt
from tests.support.commandline import CommandLine
from tests.support.ownindex import TRAP
from tests.support.pytorchsite import PytorchSite
from tests.support.pytorchwheels import make

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
NEW, WITHOUT_HASHES, FOR_CARDS = "rocm-6.2.4", "rocm-5.7.1", "therock-10.1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    """Somebody with the manifests, and nothing else."""
    line = CommandLine(tmp_path, {"PIP_INDEX_URL": site.simple})
    site.let(line, NEW, WITHOUT_HASHES, FOR_CARDS)
    return line


def imported(line: CommandLine, name: str = "demo") -> list[str]:
    """What torch in the environment says of itself."""
    python = line.layout.venvs / name / "bin/python"
    words = "import torch; print(torch.__version__, torch.version.hip)"
    return subprocess.run([python, "-c", words], capture_output=True, text=True, check=True).stdout.split()


def versions(line: CommandLine, name: str = "demo") -> dict[str, str]:
    return {one.name: one.version for one in read_receipt(line.layout.venvs / name).packages}


def test_an_environment_holds_the_torch_of_its_stack_and_no_newer_one(line: CommandLine) -> None:
    line.succeed("use", "6.2.4", "--venv", "demo", "--yes")

    receipt = read_receipt(line.layout.venvs / "demo")
    assert imported(line) == ["2.7.1+rocm6.2.4", "6.2.41134-65d174c3e"]
    assert (receipt.torch, receipt.prefix) == ("2.7.1+rocm6.2.4", "")
    assert "torch==2.7.1+rocm6.2.4" in receipt.pins
    assert versions(line)["torch"] != TRAP
    assert {"pip", "torchvision", "torchaudio", "numpy", "filelock"} <= versions(line).keys()


def test_rocm_wheels_come_from_their_own_index_and_all_else_from_the_user_s(line: CommandLine) -> None:
    line.succeed("use", NEW, "--venv", "demo", "--yes")

    places = {one.name: one.url.split("/")[3] for one in read_receipt(line.layout.venvs / "demo").packages}
    assert {name for name, place in places.items() if place == "whl"} == {
        *("torch", "torchvision", "torchaudio", "pytorch-triton-rocm")
    }


def test_no_wheel_of_the_user_s_takes_the_place_of_one_that_torch_needs(
    line: CommandLine, site: PytorchSite, tmp_path: Path
) -> None:
    builds = yaml.safe_load(site.manifest(NEW))["pytorch"]
    version = builds[0]["wheels"].pop("pytorch-triton-rocm")
    line.add_manifest(NEW, site.manifest(NEW, pytorch=builds))
    for name, one in (("pytorch-triton-rocm", version), ("torch", builds[0]["torch"]), ("torchvision", "99.0")):
        forged = make(name, one, files={"forged.py": ""})
        (tmp_path / forged.filename).write_bytes(forged.content)

    line.succeed("use", NEW, "--venv", "demo", "--yes", PIP_FIND_LINKS=str(tmp_path))

    assert list(line.layout.venvs.glob("demo/lib/python*/site-packages/forged.py")) == []
    assert f"pytorch-triton-rocm=={version}" in read_receipt(line.layout.venvs / "demo").pins


def test_what_only_the_index_of_torch_may_have_is_not_taken_from_another(line: CommandLine, tmp_path: Path) -> None:
    forged = make("rocm-extra", "1.0", files={"forged.py": ""})
    asking = make("filelock", "99.0", files={"filelock.py": ""}, requires=["rocm-extra"])
    for wheel in (forged, asking):
        (tmp_path / wheel.filename).write_bytes(wheel.content)

    outcome = line.run("use", NEW, "--venv", "demo", "--yes", PIP_FIND_LINKS=str(tmp_path))

    assert outcome.code == 3
    assert outcome.error.startswith("`rocm-extra` is needed, and `rocm-6.2.4` does not say which one of")


def test_the_plan_says_bytes_and_that_the_wheels_bring_their_rocm(line: CommandLine) -> None:
    outcome = line.run("use", NEW, "--venv", "demo", "--dry-run")

    assert outcome.code == 0
    assert "  torch 2.7.1+rocm6.2.4  first-use, " in outcome.err
    assert "to download; about" in outcome.err
    assert f"`rocmswitch install {NEW} --set compiler` adds hipcc and headers" in outcome.err
    assert "these wheels bring their own ROCm; " in outcome.err


def test_the_plan_says_which_rocm_wheels_bring_that_is_not_the_stack_s(line: CommandLine) -> None:
    outcome = line.run("use", NEW, "--venv", "demo", "--torch", "2.5.1", "--dry-run")

    assert "these wheels bring their own ROCm 6.2; " in outcome.err
    assert not (line.layout.venvs / "demo").exists()


def test_a_second_environment_of_the_same_stack_asks_no_server(line: CommandLine, site: PytorchSite) -> None:
    line.succeed("use", NEW, "--venv", "first", "--yes")
    site.server.requests.clear()

    line.succeed("use", NEW, "--venv", "second", "--yes")

    assert site.server.requests == []
    assert versions(line, "second") == versions(line, "first")


def test_nothing_is_kept_before_somebody_agrees(line: CommandLine) -> None:
    outcome = line.run("use", NEW, "--venv", "demo")

    assert outcome.code == 5
    assert list(line.layout.archives.glob("*")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    (
        ((NEW, "--torch", "2.2.2"), "`rocm-6.2.4` has no PyTorch `2.2.2`"),
        ((NEW, "--torch", "2.5.1+rocm6.1"), "`rocm-6.2.4` has no PyTorch `2.5.1+rocm6.1`"),
        ((FOR_CARDS,), "the wheels of `therock-10.1` differ from card to card"),
        ((NEW, "--gpu", "radeon"), "`radeon` is not a card like `gfx1010`"),
        ((NEW, "--torch", "two"), "`two` is not a version of PyTorch"),
        ((NEW, "--profile", "fast"), "has no profile `fast`"),
    ),
)
def test_what_cannot_be_is_refused_before_any_download(
    words: tuple[str, ...], said: str, line: CommandLine, site: PytorchSite
) -> None:
    site.server.requests.clear()

    outcome = line.run("use", *words, "--venv", "demo", "--yes")

    assert said in outcome.error
    assert site.server.requests == []


def test_another_pytorch_of_the_stack_is_one_option_away(line: CommandLine) -> None:
    line.succeed("use", NEW, "--venv", "demo", "--torch", "2.6.0", "--yes")

    assert imported(line)[0] == "2.6.0+rocm6.2.4"


@pytest.mark.skipif(int(TAG[3:]) >= 13, reason="torch 2.5 exists for no Python as new as this one")
def test_an_older_pytorch_of_the_stack_comes_from_an_index_of_its_own(line: CommandLine, site: PytorchSite) -> None:
    line.succeed("use", NEW, "--venv", "demo", "--torch", "2.5.1", "--yes")

    assert imported(line)[0] == "2.5.1+rocm6.2"
    assert read_receipt(line.layout.venvs / "demo").index == site.index("rocm6.2")


@pytest.mark.skipif(int(TAG[3:]) >= 13, reason="torch 2.2 exists for no Python as new as this one")
def test_an_old_torch_gets_a_numpy_that_it_was_built_for(line: CommandLine) -> None:
    line.succeed("use", WITHOUT_HASHES, "--venv", "demo", "--torch", "2.2.2", "--yes")

    assert versions(line)["numpy"].startswith("1.")
    assert "numpy<2" in (line.layout.venvs / "demo/constraints.txt").read_text().splitlines()


@pytest.mark.skipif(int(TAG[3:]) >= 13, reason="torch 2.3 exists for no Python as new as this one")
def test_a_wheel_without_a_stated_hash_must_stay_what_it_was_at_first_use(
    line: CommandLine, site: PytorchSite
) -> None:
    line.succeed("use", WITHOUT_HASHES, "--venv", "demo", "--yes")
    line.succeed("remove", "demo", "--yes")
    line.succeed("cache", "prune", "--all", "--yes")
    wheel = next((site.folder / "whl/rocm5.7").glob(f"torch-2.3.1*-{TAG}-*.whl"))
    kept = wheel.read_bytes()
    wheel.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))

    outcome = line.run("use", WITHOUT_HASHES, "--venv", "demo", "--yes")
    wheel.write_bytes(kept)

    assert outcome.code == 4
    assert wheel.name.split("+")[0] in outcome.error
    assert not (line.layout.venvs / "demo").exists()


@pytest.mark.skipif(int(TAG[3:]) >= 13, reason="torch 2.3 exists for no Python as new as this one")
@pytest.mark.parametrize("stated", (False, True))
def test_a_file_of_the_same_name_at_another_address_of_the_index_must_be_the_same(
    stated: bool, line: CommandLine, site: PytorchSite
) -> None:
    line.succeed("use", WITHOUT_HASHES, "--venv", "demo", "--yes")
    line.succeed("remove", "demo", "--yes")
    line.succeed("cache", "prune", "--all", "--yes")
    folder = site.folder / "whl/rocm5.7"
    (wheel,) = folder.glob(f"torch-2.3.1*-{TAG}-*.whl")
    (folder / "moved").mkdir(exist_ok=True)
    other = wheel.read_bytes() + b"more"
    (folder / "moved" / wheel.name).write_bytes(other)
    page = folder / "torch/index.json"
    kept = page.read_text()
    moved = {"filename": wheel.name, "url": f"/whl/rocm5.7/moved/{quote(wheel.name)}"}
    hashes = {"sha256": hashlib.sha256(other).hexdigest()} if stated else {}
    page.write_text(json.dumps({"meta": {"api-version": "1.1"}, "files": [{**moved, "hashes": hashes}]}))

    outcome = line.run("use", WITHOUT_HASHES, "--venv", "demo", "--yes")
    page.write_text(kept)

    assert outcome.code == 4, outcome
    assert not (line.layout.venvs / "demo").exists()


def test_known_failures_of_the_card_are_shown_even_to_who_has_agreed(line: CommandLine) -> None:
    outcome = line.run("use", NEW, "--venv", "demo", "--gpu", "gfx1010", "--yes")

    assert outcome.code == 0
    assert "note: gfx1010 with rocm-6.2.4: known to fail: " in outcome.err
    assert "ROCm/ROCm#2527" in outcome.err


def test_wheels_of_a_card_bring_the_rocm_tree_along(line: CommandLine) -> None:
    line.succeed("use", FOR_CARDS, "--venv", "demo", "--gpu", "gfx1010", "--yes")

    activation = read_receipt(line.layout.venvs / "demo").activation.resolve(str(line.layout.venvs / "demo"))
    root = Path(dict(activation.variables)["ROCM_PATH"])
    assert (root / "bin/hipcc").exists()
    assert imported(line)[0] == "2.12.0+rocm10.1.0"
    assert versions(line)["amd-torch-device-gfx1010"] == "2.12.0+rocm10.1.0"
    assert not [name for name in versions(line) if "gfx1012" in name]


def test_torch_itself_says_which_triton_it_needs_where_the_manifest_is_wrong(
    line: CommandLine, site: PytorchSite
) -> None:
    builds = yaml.safe_load(site.manifest(FOR_CARDS))["pytorch"]
    right = builds[0]["wheels"]["triton"]
    builds[0]["wheels"]["triton"] = "3.0.0"
    line.add_manifest(FOR_CARDS, site.manifest(FOR_CARDS, pytorch=builds))

    line.succeed("use", FOR_CARDS, "--venv", "demo", "--gpu", "gfx1010", "--yes")
    line.succeed("use", FOR_CARDS, "--venv", "second", "--gpu", "gfx1010", "--yes")

    pins = [read_receipt(line.layout.venvs / name).pins for name in ("demo", "second")]
    assert versions(line)["triton"] == right
    assert f"triton=={right}" in pins[0]
    assert pins[0] == pins[1]


def test_rocm_is_packed_from_its_source_without_running_any_of_it(line: CommandLine) -> None:
    line.succeed("use", FOR_CARDS, "--venv", "demo", "--gpu", "gfx1010", "--yes")

    tool = line.layout.venvs / "demo/bin/rocm-sdk"
    assert subprocess.run([tool], capture_output=True, text=True, check=True).stdout == "10.1.0\n"


def test_an_environment_for_another_card_does_not_take_the_name(line: CommandLine) -> None:
    line.succeed("use", FOR_CARDS, "--venv", "demo", "--gpu", "gfx1010", "--yes")

    outcome = line.run("use", FOR_CARDS, "--venv", "demo", "--gpu", "gfx1012", "--yes")

    assert (outcome.code, outcome.error) == (5, "the environment `demo` has the wheels of another card")
    assert line.run("use", FOR_CARDS, "--venv", "demo").code == 0


def test_the_same_layout_without_a_gpu(line: CommandLine, site: PytorchSite) -> None:
    line.succeed("use", NEW, "--venv", "demo", "--cpu", "--yes", PIP_EXTRA_INDEX_URL=site.cpu)

    assert imported(line) == ["2.7.1+cpu", "None"]
    assert versions(line)["torchvision"] == "0.22.1+cpu"
    assert "pytorch-triton-rocm" not in versions(line)


def test_folders_of_the_user_s_own_wheels_count_and_need_no_network(
    line: CommandLine, site: PytorchSite, tmp_path: Path
) -> None:
    folder = tmp_path / "my wheels"
    folder.mkdir()
    for wheel in (*(site.folder / "simple").glob("*.whl"), *(site.folder / "whl/cpu").glob("torch*.whl")):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    (line.home / ".config/pip").mkdir(parents=True)
    (line.home / ".config/pip/pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {folder.as_uri()}\n")
    site.server.requests.clear()

    outcome = line.run("use", NEW, "--venv", "demo", "--cpu", "--yes", PIP_INDEX_URL="")

    assert (outcome.code, site.server.requests) == (0, []), outcome
    assert imported(line)[0] == "2.7.1+cpu"


def test_torch_for_processors_does_without_companions_that_nobody_can_reach(line: CommandLine, site: PytorchSite):
    mine = line.folder / "mine"
    mine.mkdir()
    (wheel,) = (one for one in (site.folder / "whl/cpu").glob("torch-2.7.1+cpu-*.whl") if TAG in one.name)
    shutil.copy(wheel, mine)
    unreachable = {"https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}

    outcome = line.run("use", NEW, "--venv", "demo", "--cpu", "--yes", PIP_FIND_LINKS=str(mine), **unreachable)

    assert imported(line)[0] == "2.7.1+cpu"
    assert "could be reached: torchaudio, torchvision\n" in outcome.err
    assert "torchvision" not in versions(line)


def test_a_stack_without_pytorch_refuses_what_would_choose_one(line: CommandLine) -> None:
    outcome = line.run("use", "debian-5.2.3", "--venv", "demo", "--torch", "2.6.0", "--yes")

    assert (outcome.code, outcome.error) == (2, "`debian-5.2.3` has no PyTorch, so `--torch` means nothing there")


def test_what_is_only_first_use_can_be_refused(line: CommandLine) -> None:
    outcome = line.run("use", NEW, "--venv", "demo", "--require", "pinned", "--yes")

    assert outcome.code == 5
    assert "is only `first-use`, and `pinned` is required" in outcome.error


def test_the_plan_for_programs_names_every_wheel(line: CommandLine) -> None:
    plan = json.loads(line.succeed("use", NEW, "--venv", "demo", "--dry-run", "--json"))

    torch = next(one for one in plan["wheels"] if one["name"] == "torch")
    assert (plan["torch"], plan["prefix"], plan["install"]) == ("2.7.1+rocm6.2.4", None, None)
    assert (torch["verification"], torch["cached"], len(torch["sha256"])) == ("first-use", False, 64)
    assert plan["download_size"] == sum(one["size"] for one in plan["wheels"])
