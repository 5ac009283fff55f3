"""A way back carried out: what `restore` and `undo` share."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from rocmswitch.errors import NotFound, Refused, VerificationFailed
from rocmswitch.host.records import recorded
from rocmswitch.model.deployment import ABSENT, LINK, Generation, NewLink, SavedFile, Site
from rocmswitch.operations.access import Means
from rocmswitch.planning.drift import in_force
from rocmswitch.planning.undoing import Return, WayBack
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import TREES
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import disk_errors

Where = Callable[[], Site | None]
"""Asked only where an error has to say where else bytes can be had: an interpreter may be run for it."""


def check(plan: WayBack, means: Means, where: Where) -> None:
    """That *plan* can be carried out, as far as is told without reading what was saved.

    Raises NotFound where that was let go, VerificationFailed where it is missing, Refused where an environment
    needs what would go, or new shells would enter what was removed.
    """
    for one, replacement in zip(plan.returns, plan.replacements, strict=True):
        content = replacement.content
        if isinstance(content, SavedFile):
            if means.ledger.is_pruned(content.generation):
                raise NotFound(f"what stood at `{one.where}` was let go", hint=elsewhere(one, where()))
            if not means.ledger.saved(content.generation, content.name).is_file():
                raise VerificationFailed(
                    f"what was saved of `{one.where}` is missing", hint=elsewhere(one, where())
                )
        elif isinstance(content, NewLink):
            _check_tree(one, means)
            _check_script(one, plan, means)
        _check_unused(one, means)


def carry_out(plan: WayBack, means: Means, where: Where) -> Generation:
    """Do it, under the locks of what it changes. Raises what `Ledger.carry_out` does; nothing is changed then."""
    with _locked(plan, means):
        try:
            done = means.ledger.carry_out(plan.intent, plan.replacements, wait=means.wait, expected=plan.expected)
        except VerificationFailed as error:
            raise VerificationFailed(error.message, hint=elsewhere(plan.returns[0], where())) from error
        _settle_names(plan, means)
    return done


def elsewhere(one: Return, site: Site | None) -> str:
    """Where the bytes of *one* can be had, if not from what was saved."""
    if site is not None and site.stack:
        return f"run `rocmswitch use {site.stack} --venv {shlex.quote(site.place.name)} --rebind`"
    package = _package(one, site) if site is not None else ""
    if site is not None and package and site.place.kind == "user":
        folder = next(here for here in map(Path, site.packages) if Path(one.where).is_relative_to(here))
        version, target = folder.parent.name.removeprefix("python"), shlex.quote(str(folder))
        return f"run `uv pip install --python {version} --target {target} --reinstall --no-deps {package}`"
    if site is not None and package and site.python:
        python = shlex.quote(site.python)
        if any(Path(folder, "pip").is_dir() for folder in site.packages):
            return f"run `{python} -m pip install --force-reinstall --no-deps {package}`"
        return f"run `uv pip install --python {python} --reinstall --no-deps {package}`"
    return "run `rocmswitch history` for what else was saved"


def _package(one: Return, site: Site) -> str:
    for folder in site.packages:
        if Path(one.where).is_relative_to(folder):
            found = recorded(Path(folder), str(Path(one.where).relative_to(folder)))
            return f"{found.distribution}=={found.version}" if found else ""
    return ""


def _check_tree(one: Return, means: Means) -> None:
    """A link to a tree leads to one that is there, and what other environments need stays."""
    name = Path(one.where).name
    trees = _trees_of(Path(one.where), means)
    if trees is None or one.then.kind != LINK or Path(one.then.target).parent != Path(TREES):
        return
    if not trees.is_whole(Path(one.then.target).name):
        raise NotFound(f"the tree of `{name}` was let go", hint="run `rocmswitch history`")


def _check_script(one: Return, plan: WayBack, means: Means) -> None:
    """A link to a script leads to one that is there, or that comes back with it."""
    path = Path(one.where)
    target = path.parent / one.then.target
    if path.parent != _real(means.layout.activations) or target.exists():
        return
    name = target.stem
    if any(Path(other.where).name == name and other.then.kind == LINK for other in plan.returns):
        return
    removal = _removal(name, means)
    if removal:
        raise Refused(
            f"`{name}`, which new shells would enter again, was removed by generation {removal}",
            hint=f"run `rocmswitch undo {removal}` first",
        )
    raise Refused(
        f"`{name}`, which new shells would enter again, is not there any more",
        hint="run `rocmswitch list` for what new shells can enter",
    )


def _removal(name: str, means: Means) -> int:
    """The number of the change that has removed *name* and can be taken back; 0 where there is none."""
    found = [
        one.number
        for one in in_force(means.ledger.generations())
        if (one.intent.verb, one.intent.place.name) == ("remove", name) and not means.ledger.is_pruned(one.number)
    ]
    return found[-1] if found else 0


def _check_unused(one: Return, means: Means) -> None:
    name = Path(one.where).name
    if one.then.kind == ABSENT and Path(one.where).parent == _real(means.layout.prefixes):
        venvs, scope = Installed((means.layout,)).venvs(), means.layout.scope
        users = [venv.receipt.name for venv in venvs if venv.receipt.is_bound_to(name, scope)]
        if users:
            told = ", ".join(f"`{user}`" for user in users)
            raise Refused(f"`{name}` is used by {told}", hint=f"run `rocmswitch remove {users[0]}`")


@contextlib.contextmanager
def _locked(plan: WayBack, means: Means) -> Iterator[None]:
    """The names of trees first, in one order for all, then, inside, the ledger's own lock."""
    with contextlib.ExitStack() as stack:
        for trees, name in _names(plan, means):
            stack.enter_context(trees.locked(name, means.wait))
        for one in plan.returns:
            _check_tree(one, means)
            _check_unused(one, means)
        yield


def _names(plan: WayBack, means: Means) -> list[tuple[Trees, str]]:
    places = [Path(one.where) for one in plan.returns]
    if plan.intent.place.kind in ("venv", "prefix"):
        places.append(Path(plan.intent.place.folder))
    named = [(trees, path.name) for path in places if (trees := _trees_of(path, means)) is not None]
    found = {str(trees.link(name)): (trees, name) for trees, name in named}
    return [found[path] for path in sorted(found)]


def _trees_of(path: Path, means: Means) -> Trees | None:
    """The trees that *path* is a name among; None where it is none."""
    for links in (means.layout.prefixes, means.layout.venvs):
        if path.parent in (links, _real(links)):
            return Trees(links, means.layout.locks, means.disk)
    return None


def _real(folder: Path) -> Path:
    return folder.resolve()


def _settle_names(plan: WayBack, means: Means) -> None:
    """What is kept beside trees says again what they are: scripts, and what was seen of what they load."""
    changed = [Path(one.where) for one in plan.returns if _trees_of(Path(one.where), means) is not None]
    if changed:
        from rocmswitch.operations.scripts import refresh_scripts, remove_script

        for path in changed:
            if not path.is_symlink():
                remove_script(means.layout, path.name, means.disk)
        # Not each alone: what is brought back may need, to be entered, what is still gone.
        refresh_scripts(means.layout, Installed((means.layout, Layout.system())), means.disk)
    names = {path.name for path in changed}
    if plan.intent.place.kind == "venv":
        names.add(Path(plan.intent.place.folder).name)
    for name in names:
        with disk_errors(means.layout.checks):
            means.disk.discard(means.layout.checks / f"{name}.json")
