"""The closure of real packages in a real repository is the one that dnf makes, on an empty system."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.rpmversion import RPM
from rocmswitch.planning.closure import resolve_closure
from tests.support.debs import Library
from tests.support.rpmrepository import Rpm, RpmRepository
from tests.support.rpmsite import RpmSite

LIB = "usr/lib64"
PACKAGES = (
    # As a distribution builds them: sonames with versions are read out of the files.
    Rpm("hsa", "1.5", files={f"{LIB}/libhsa.so.1": Library("libhsa.so.1", version="HSA_1")}, scan=True),
    Rpm("hsa", "1.6", files={f"{LIB}/libhsa.so.1": Library("libhsa.so.1", version="HSA_1")}, scan=True),
    Rpm("glibc", "2.34", provides=("libc.so.6()(64bit)", "libc.so.6(GLIBC_2.2.5)(64bit)", "rtld(GNU_HASH)")),
    Rpm("bash", "5", files={"usr/bin/bash": "x", "bin/sh": "x"}),
    Rpm(
        "hip", "5.2", "1", requires=("hsa >= 1.5", "/bin/sh", "libhsa.so.1(HSA_1)(64bit)"), provides=("gpu = 5.2",)
    ),
    Rpm("hip", "5.2", "2", requires=("hsa < 1.6", "/usr/libexec/tool"), provides=("gpu = 5.2",)),
    Rpm("hip", "6.0~rc1", requires=("missing",)),
    Rpm("tool", requires=("(docs if reader)",), files={"usr/libexec/tool": "x"}, architecture="noarch"),
    Rpm("othertool", files={"usr/libexec/tool": "x"}, conflicts=("hip",)),
    Rpm("reader", requires_pre=("bash",), recommends=("unwanted",)),
    Rpm("docs", epoch="1", obsoletes=("manual < 2",)),
    Rpm("manual", "1"),
    Rpm("unwanted"),
    Rpm("cuda", provides=("gpu = 12",), conflicts=("hip",)),
    Rpm("blas", requires=("gpu >= 5",), conflicts=("(cuda unless reader)",)),
    Rpm("fft", requires=("(hip or cuda)", "(gpu with gpu > 6)")),
    Rpm(
        "rand", requires=("(blas and (reader if docs else manual))", "config(rand)"), provides=("config(rand) = 1",)
    ),
    Rpm("solver", requires=("blas", "rand", "(hip >= 5.2 without gpu = 12)")),
    Rpm("wrong", requires=("hip", "cuda")),
    Rpm("meta", requires=("solver", "docs", "reader", "glibc >= 2.17")),
)
ROOTS = [(name,) for name in sorted({one.name for one in PACKAGES})]
ROOTS += [
    ("hip", "reader"),
    ("blas", "cuda"),
    ("fft", "reader"),
    ("rand", "manual"),
    ("tool", "reader"),
    ("docs", "tool"),
]

DNF = """
import json, os, sys, dnf
repository, root, *asked = json.loads(sys.stdin.read())
os.makedirs(root + "/log", exist_ok=True)
answers = []
for roots in asked:
    base = dnf.Base()
    base.conf.installroot, base.conf.cachedir = root, root + "/cache"
    base.conf.persistdir, base.conf.logdir = root + "/persist", root + "/log"
    base.conf.install_weak_deps, base.conf.best, base.conf.gpgcheck = False, False, False
    base.conf.substitutions["arch"] = base.conf.substitutions["basearch"] = "x86_64"
    base.conf.substitutions["releasever"] = "9"
    base.repos.add_new_repo("t", base.conf, baseurl=["file://" + repository])
    base.fill_sack(load_system_repo=False)
    try:
        for one in roots:
            base.install(one)
        base.resolve()
        answers.append(sorted(str(one) for one in base.transaction.install_set))
    except (dnf.exceptions.DepsolveError, dnf.exceptions.MarkingError):
        answers.append(None)
    base.close()
print(json.dumps(answers))
"""


def _dnf(repository: Path, root: Path, asked: list[tuple[str, ...]]) -> list[set[str] | None]:
    python = "/usr/bin/python3"
    there = shutil.which(python) and subprocess.run([python, "-c", "import dnf"], capture_output=True, check=False)
    if not there or there.returncode:
        pytest.skip("no dnf here: install dnf")
    words = json.dumps([str(repository), str(root), *asked])
    done = subprocess.run([python, "-c", DNF], input=words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [None if one is None else set(one) for one in json.loads(done.stdout.splitlines()[-1])]


def _nevras(site: RpmSite, roots: tuple[str, ...]) -> set[str] | None:
    opened = site.open(offline=True)
    try:
        closure = resolve_closure(roots, opened.indexes, versions=RPM)
    except UnresolvedDependency:
        return None
    words = {"amd64": "x86_64", "all": "noarch"}
    return {f"{one.name}-{one.version}.{words[one.architecture]}" for one in closure.packages}


def test_closures_of_real_packages_are_those_of_dnf(site: RpmSite, tmp_path: Path) -> None:
    shutil.rmtree(site.repository.folder)
    repository = RpmRepository(site.repository.folder, site.repository.key).add(*PACKAGES).publish()
    site.open()

    ours = [_nevras(site, roots) for roots in ROOTS]

    theirs = _dnf(repository.folder, tmp_path / "root", ROOTS)
    found = {" ".join(roots): one for roots, one in zip(ROOTS, ours, strict=True)}
    assert found == {" ".join(roots): one for roots, one in zip(ROOTS, theirs, strict=True)}
    assert sum(one is None for one in ours) >= 1 and sum(bool(one) for one in ours) >= 15
