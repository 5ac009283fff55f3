"""The index that tests of environments lean on is what it stands for: uv installs from it, and torch loads."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
REPORT = """
import json, torch
maps = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print(json.dumps([torch.__version__, sorted(one for one in maps if "amdhip" in one or "MIOpen" in one)]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as made:
        yield made


def installed(site: PytorchSite, folder: Path, index: str, *wanted: str) -> Path:
    """An environment in *folder* with *wanted*."""
    command = [uv.find_uv_bin(), "--no-config", "--cache-dir", str(folder / "cache")]
    subprocess.run([*command, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], check=True)
    where = ["--python", str(folder / "venv"), "--index", index, "--default-index", site.simple]
    subprocess.run([*command, "pip", "install", "--quiet", *where, *wanted], check=True)
    return folder / "venv"


def reported(venv: Path) -> tuple[str, list[str]]:
    """What torch says its version is, and which HIP and MIOpen are loaded with it, below site-packages."""
    done = subprocess.run([venv / "bin/python", "-c", REPORT], capture_output=True, text=True, check=True)
    version, loaded = json.loads(done.stdout)
    return version, [path.partition("/site-packages/")[2] for path in loaded]


def test_a_build_with_its_rocm_loads_that_one(site: PytorchSite, tmp_path: Path):
    venv = installed(site, tmp_path, site.index("rocm6.2.4"), "torch==2.7.1+rocm6.2.4", "torchvision")

    assert reported(venv) == ("2.7.1+rocm6.2.4", ["torch/lib/libMIOpen.so", "torch/lib/libamdhip64.so"])


def test_a_build_without_one_loads_that_of_the_wheels_beside_it(tmp_path: Path):
    with PytorchSite(tmp_path / "site", pythons=(TAG,), rocm_as="wheel") as site:
        venv = installed(site, tmp_path, site.therock, "torch[device-gfx1010]==2.12.0+rocm10.1.0")

    libraries = ["_rocm_sdk_core/lib/libamdhip64.so.7", "_rocm_sdk_libraries/lib/libMIOpen.so.1"]
    assert reported(venv) == ("2.12.0+rocm10.1.0", libraries)


def test_the_user_s_own_index_has_a_torch_that_would_win(site: PytorchSite, tmp_path: Path):
    venv = installed(site, tmp_path, site.simple, "wants-torch")

    assert reported(venv) == ("99.0", [])


def test_old_indexes_state_no_hashes_and_new_ones_do(site: PytorchSite):
    pages = [urllib.request.urlopen(f"{site.index(name)}/filelock/").read() for name in ("rocm5.2", "rocm6.2.4")]

    assert [b"#sha256=" in page for page in pages] == [False, True]


def test_the_user_s_own_index_speaks_json_to_who_asks_for_it(site: PytorchSite):
    asked = urllib.request.Request(
        f"{site.simple}/numpy/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )

    assert {one["size"] > 0 for one in json.load(urllib.request.urlopen(asked))["files"]} == {True}
