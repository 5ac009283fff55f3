"""What an earlier deployment put somewhere, put there once more: in a new environment, after a reinstall."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePath

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Refused
from rocmswitch.host.incoming import read_incoming
from rocmswitch.host.libraryfiles import place_files
from rocmswitch.host.neighbours import survey
from rocmswitch.model.deployment import FILE, Content, Generation, NewFile, Replacement, SavedFile, Site, Step
from rocmswitch.operations.originals import against_originals
from rocmswitch.operations.sites import find_site
from rocmswitch.planning.deployment import DeploymentPlan, plan_deployment
from rocmswitch.planning.drift import DEPLOYED
from rocmswitch.planning.placing import Placing
from rocmswitch.store.installed import Installed
from rocmswitch.system.copying import hash_opened
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.reading import open_regular


def find_place(generation: Generation, installed: Installed, environment: Mapping[str, str]) -> Site:
    """The environment that *generation* changed, as it is now: perhaps made anew under the same name.

    Raises NotFound, and Refused where the same name means something else, or nothing was put into one.
    """
    place = generation.intent.place
    puts_files = generation.steps and all(step.after.kind == FILE for step in generation.steps)
    if generation.intent.verb not in DEPLOYED or place.kind in ("prefix", "scope") or not puts_files:
        raise Refused(
            f"generation {generation.number} put no files into an environment", hint="run `rocmswitch history`"
        )
    word = {"venv": PurePath(place.folder).name, "user": "user"}.get(place.kind, place.folder)
    site = find_site(word, installed, environment)
    if (site.place.kind, site.place.folder) != (place.kind, place.folder):
        raise Refused(f"`{place.name}` of generation {generation.number} is not what `{word}` means now")
    return site


def plan(generation: Generation, ledger: Ledger, site: Site, prefix: str) -> DeploymentPlan:
    """Decide what putting the files of *generation* into *site* takes, and judge again whether they fit.

    *prefix* is the tree that the environment is bound to. Raises NotFound where the folder of a file is gone, and
    Refused where the bytes of a file are.
    """
    contents = [_content(generation, step, ledger) for step in generation.steps]
    placings = tuple(
        _placing(step, _bytes_of(content, ledger), generation, site)
        for step, content in zip(generation.steps, contents, strict=True)
    )
    placings = against_originals(placings, ledger)
    found = plan_deployment(site, placings, survey(site, placings, prefix), _notes(generation, site))
    by_path = {one.target.whole: content for one, content in zip(placings, contents, strict=True)}
    return replace(found, replacements=tuple(_with(one, by_path) for one in found.replacements))


def _with(one: Replacement, contents: Mapping[str, Content]) -> Replacement:
    return replace(one, content=contents[f"{one.root}/{one.path}"])


def _content(generation: Generation, step: Step, ledger: Ledger) -> SavedFile | NewFile:
    """What the generation kept of the new file, else the file that it was taken from, if that is still the same."""
    if step.kept and ledger.saved(generation.number, step.kept).is_file():
        return SavedFile(generation.number, step.kept, step.after)
    source = Path(step.source)
    if step.source and source.is_file() and source.stat().st_size == step.after.size:
        with disk_errors(source), open_regular(source) as file:
            if hash_opened(file) == step.after.sha256:
                return NewFile(step.source, step.after.size, step.after.sha256)
    came = f", nor does `{step.source}` hold them any more" if step.source else ""
    raise Refused(f"the bytes of `{step.path}` were not kept by generation {generation.number}{came}")


def _bytes_of(content: SavedFile | NewFile, ledger: Ledger) -> str:
    if isinstance(content, SavedFile):
        return str(ledger.saved(content.generation, content.name))
    return content.source


def _placing(step: Step, held: str, generation: Generation, site: Site) -> Placing:
    """Where *step*'s file goes now: to the same path, in whatever folder the environment is today."""
    root, before = PurePath(step.root), generation.intent.place.resolved
    if root.is_relative_to(before):
        root = PurePath(site.place.resolved) / root.relative_to(before)
    there = replace(site, packages=(os.path.realpath(root),))
    (placing,) = place_files(there, read_incoming([held], step.path))
    # Known by the name that the user knows, not by what it is called where it was kept.
    return replace(placing, incoming=replace(placing.incoming, path=step.source or f"{step.root}/{step.path}"))


def _notes(generation: Generation, site: Site) -> tuple[str, ...]:
    before, now = generation.intent.place, site.place
    if (before.device, before.inode) == (now.device, now.inode):
        return ()
    return (f"`{now.name}` was made anew since generation {generation.number}",)
