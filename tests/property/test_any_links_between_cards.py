"""Whatever cards are chosen: no link of a tree dangles that did not dangle in the whole one."""

from __future__ import annotations

import posixpath

from hypothesis import given
from hypothesis import strategies as st

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.gpufiles import Kernels, named
from rocmswitch.store.gpufiles import leading_away
from rocmswitch.store.target import MOST_LINKS

FOLDERS = ("usr/lib/rocblas/library", "usr/share/other", "usr/lib64/rocblas/library")
NAMES = ("a_gfx1010.hsaco", "a_gfx1030.hsaco", "a_gfx90a.dat", "plain", "more")
PATHS = st.builds(posixpath.join, st.sampled_from(FOLDERS), st.sampled_from(NAMES))
LINKS = st.dictionaries(PATHS, PATHS | st.sampled_from(FOLDERS), max_size=8)
CARDS = st.sets(st.sampled_from(["gfx1010", "gfx1030", "gfx90a"]), min_size=1)


def tree(files: set[str], links: dict[str, str]) -> tuple[FileEntry, ...]:
    """Of as many packages as there are paths. Nothing lies below a link."""
    real = {path: to for path, to in links.items() if posixpath.dirname(path) not in links}
    plain = sorted(path for path in files if path not in real and posixpath.dirname(path) not in real)
    made = [
        FileEntry(path=one, kind="directory", mode=0o755, package="folders") for one in FOLDERS if one not in real
    ]
    made += [FileEntry(path=path, kind="file", mode=0o644, package=f"of {path}") for path in plain]
    for path, to in real.items():
        target = posixpath.relpath(to, posixpath.dirname(path))
        made.append(FileEntry(path=path, kind="link", mode=0o777, package=f"of {path}", target=target))
    return tuple(made)


def dangling(entries: tuple[FileEntry, ...]) -> set[str]:
    there = {one.path: one for one in entries}

    def is_there(path: str, left: int = MOST_LINKS) -> bool:
        folder = posixpath.dirname(path)
        above = there.get(folder)
        if above is not None and above.kind == "link":
            return left > 0 and is_there(posixpath.join(end(above), posixpath.basename(path)), left - 1)
        one = there.get(path)
        return one is not None and (one.kind != "link" or (left > 0 and is_there(end(one), left - 1)))

    return {one.path for one in entries if one.kind == "link" and not is_there(one.path)}


def end(link: FileEntry) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))


@given(files=st.sets(PATHS), links=LINKS, alias=st.booleans(), cards=CARDS, kept=st.sets(PATHS))
def test_no_link_dangles_that_did_not_before(
    files: set[str], links: dict[str, str], alias: bool, cards: set[str], kept: set[str]
) -> None:
    """*kept* are there whatever they are for, as where a link of the same package leads to them."""
    links |= {FOLDERS[2]: FOLDERS[0]} if alias else {}
    whole, kernels = tree(files, links), Kernels(tuple(sorted(cards)))
    needed = (one for one in whole if one.kind == "directory" or kernels.needs(named(one.path)) or one.path in kept)
    chosen = tuple(needed)

    away = leading_away(chosen, kernels)

    left = tuple(one for one in chosen if one.path not in away)
    assert dangling(left) <= dangling(whole)
    assert all(one.kind != "link" or one.path in dangling(chosen) for one in chosen if one.path in away)
