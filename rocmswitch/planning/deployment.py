"""What a deployment will do: files for paths, and what speaks against it. What was seen comes in as values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from rocmswitch.errors import Refused
from rocmswitch.model.deployment import FILE, NewFile, Place, Problem, Replacement, Site
from rocmswitch.planning.fitting import check_library
from rocmswitch.planning.placing import Ground, Incoming, Placing, Target, is_library, looks_like_library


@dataclass(frozen=True)
class DeploymentPlan:
    """Replacements in one place, all or none of them. `problems` need the user's `--force REASON`."""

    place: Place
    replacements: tuple[Replacement, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    """Paths that hold these very bytes already."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The files of the user's, in the order of the replacements."""
        return tuple(one.content.source for one in self.replacements if isinstance(one.content, NewFile))

    @property
    def written(self) -> int:
        """Bytes that are written, backups apart."""
        return sum(one.content.size for one in self.replacements if isinstance(one.content, NewFile))

    def as_json(self) -> dict[str, object]:
        """What `deploy --dry-run --json` prints."""
        return {
            "verb": "deploy",
            "place": self.place.as_json(),
            "files": [_as_json(one) for one in self.replacements],
            "unchanged": list(self.unchanged),
            "bytes_written": self.written,
            "problems": [asdict(one) for one in self.problems],
            "notes": list(self.notes),
        }


def plan_deployment(
    site: Site, placings: Sequence[Placing], ground: Ground, notes: Sequence[str] = ()
) -> DeploymentPlan:
    """What carrying out *placings* in *site* takes.

    Raises Refused for two files that go to one path, and for what is not the kind of file that its target is.
    """
    _check_duplicates(placings)
    for one in placings:
        _check_kind(one.incoming, one.target)
    later = ground.with_new(placings)
    changing = [one for one in placings if not one.target.holds_the_same]
    return DeploymentPlan(
        site.place,
        tuple(_replacement(one) for one in changing),
        tuple(chain.from_iterable(check_library(one, later) for one in changing)),
        (*site.notes, *notes),
        tuple(one.target.whole for one in placings if one.target.holds_the_same),
    )


def _replacement(placing: Placing) -> Replacement:
    new, target = placing.incoming, placing.target
    return Replacement(target.root, target.path, target.seen, NewFile(new.path, new.size, seen=new.seen))


def _check_duplicates(placings: Sequence[Placing]) -> None:
    sources: Mapping[str, list[str]] = defaultdict(list)
    for one in placings:
        sources[one.target.whole].append(one.incoming.path)
    for path, found in sources.items():
        if len(set(found)) < len(found):
            raise Refused(f"`{found[0]}` is given twice")
        if len(found) > 1:
            raise Refused(f"{' and '.join(f'`{one}`' for one in found)} would both become `{path}`")


def _check_kind(new: Incoming, target: Target) -> None:
    """A library for a library, data for data; something damaged for nothing.

    Raises Refused: nothing that reads the target could do anything with it, whatever the user's reason.
    """
    wanted = is_library(target.facts) or (target.facts is None and looks_like_library(target.path))
    if new.is_damaged or (new.flaw and wanted):
        raise Refused(f"`{new.path}` is not a shared library: {new.flaw}")
    if not new.flaw and not wanted and target.seen.kind == FILE:
        raise Refused(f"`{new.path}` is a shared library, and `{target.whole}` is none")


def _as_json(one: Replacement) -> dict[str, object]:
    content = one.content
    source = (content.source, content.size) if isinstance(content, NewFile) else (None, 0)
    return {
        "root": one.root,
        "path": one.path,
        "replaces": one.seen.kind == FILE,
        "old_size": one.seen.size,
        "source": source[0],
        "size": source[1],
    }
