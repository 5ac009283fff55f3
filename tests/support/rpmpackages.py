"""Small rpm repositories as text alone: primary.xml from a few lines, the index that is made of it, and what
libsolv, which dnf and zypper use, would install from it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from rocmswitch.metadata.primary import read_primary
from rocmswitch.metadata.rpmindex import RpmIndex, encode_index

_RELATION = re.compile(r"(\S+)(?:\s*(<=|>=|=|<|>)\s*(\S+))?")
_FLAGS = {"<": "LT", "<=": "LE", "=": "EQ", ">=": "GE", ">": "GT"}


@dataclass(frozen=True)
class Entry:
    """A package of a list. Relations are parted by commas, as in a spec file: `a >= 1, (b if c), /usr/bin/d`."""

    name: str
    version: str = "1-1"
    requires: str = ""
    provides: str = ""
    conflicts: str = ""
    obsoletes: str = ""
    files: str = ""
    architecture: str = "x86_64"

    @property
    def nevra(self) -> str:
        return f"{self.name}-{self.version}.{self.architecture}"

    def xml(self) -> str:
        """Its element; it provides itself, as every package does."""
        epoch, upstream, release = _evr(self.version)
        own = f"{self.name} = {self.version}"
        kinds = {
            "provides": f"{own}, {self.provides}",
            "requires": self.requires,
            "conflicts": self.conflicts,
            "obsoletes": self.obsoletes,
        }
        lists = "".join(
            f"<rpm:{kind}>{''.join(map(_entry, _parts(text)))}</rpm:{kind}>" for kind, text in kinds.items()
        )
        files = "".join(f"<file>{one}</file>" for one in self.files.split())
        digest = hashlib.sha256(self.nevra.encode()).hexdigest()
        return (
            f'<package type="rpm"><name>{self.name}</name><arch>{self.architecture}</arch>'
            f'<version epoch="{epoch}" ver="{upstream}" rel="{release}"/>'
            f'<checksum type="sha256" pkgid="YES">{digest}</checksum>'
            f'<size package="1000" installed="4096" archive="4500"/><location href="Packages/{self.nevra}.rpm"/>'
            f"<format>{lists}{files}</format></package>"
        )


def primary(entries: Iterable[Entry]) -> bytes:
    """primary.xml."""
    body = [one.xml() for one in entries]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common"'
    head += f' xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{len(body)}">\n'
    return (head + "\n".join(body) + "\n</metadata>\n").encode()


def index(*entries: Entry, source: str = "0") -> RpmIndex:
    """What is made of them."""
    return RpmIndex(encode_index(read_primary([primary(entries)], "x86_64", "a test")), source)


SOLVE = """
import json, sys, solv
for line in sys.stdin:
    path, *roots = json.loads(line)
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    pool.setarch("x86_64")
    repo = pool.add_repo("r")
    repo.add_rpmmd(solv.xfopen(path), None)
    pool.addfileprovides()
    pool.createwhatprovides()
    jobs = []
    for root in roots:
        # As dnf asks: for the packages of that name, or those that obsolete one of them.
        named = pool.select(root, solv.Selection.SELECTION_NAME).solvables()
        instead = [
            one
            for one in pool.solvables
            for dep in one.lookup_deparray(solv.SOLVABLE_OBSOLETES)
            if one.name != root and any(other.matchesdep(solv.SOLVABLE_NAME, dep) for other in named)
        ]
        what = pool.towhatprovides([one.id for one in named + instead])
        jobs.append(pool.Job(solv.Job.SOLVER_INSTALL | solv.Job.SOLVER_SOLVABLE_ONE_OF, what))
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 1)
    problems = solver.solve(jobs)
    chosen = None if problems else [str(one) for one in solver.transaction().newsolvables()]
    print(json.dumps(chosen))
"""


def solved(asked: Sequence[tuple[Path, Sequence[str]]]) -> list[set[str] | None]:
    """For each primary.xml and its roots what libsolv would install; None where it cannot. Skips without it."""
    python = "/usr/bin/python3"
    found = shutil.which(python) and subprocess.run([python, "-c", "import solv"], capture_output=True, check=False)
    if not found or found.returncode:
        pytest.skip("no libsolv for Python here: install python3-solv")
    lines = "".join(json.dumps([str(path), *roots]) + "\n" for path, roots in asked)
    done = subprocess.run([python, "-c", SOLVE], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [set(one) if one is not None else None for one in answers]


def _parts(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _entry(text: str) -> str:
    if text.startswith("("):
        return f"<rpm:entry name={quoteattr(text)}/>"
    match = _RELATION.fullmatch(text)
    assert match, text
    name, operator, version = match.groups()
    if not operator:
        return f"<rpm:entry name={quoteattr(name)}/>"
    epoch, upstream, release = _evr(version)
    stated = f' rel="{release}"' if release else ""
    return (
        f'<rpm:entry name={quoteattr(name)} flags="{_FLAGS[operator]}" epoch="{epoch}" ver="{upstream}"{stated}/>'
    )


def _evr(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.rpartition(":")
    upstream, dash, release = rest.rpartition("-")
    return (epoch if colon else "0"), (upstream if dash else rest), (release if dash else "")
