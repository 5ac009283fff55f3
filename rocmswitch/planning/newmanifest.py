"""A manifest from what a repository has: only what was found in it, and a note for each thing that was not.

Nothing is made up. What a repository cannot say (what shows that a machine has a package, which variables a tree
needs) is taken over from the manifest of a stack that is built alike, and marked as not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rocmswitch.errors import NotFound, UnresolvedDependency
from rocmswitch.model.package import Package
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.newroots import Contents, Root, find_roots, is_capability, walk
from rocmswitch.planning.vendors import VENDORS, Vendor, targets_in, upstream, vendor_of

_SET_KEYS = {"apt": "sets", "rpm": "rpm_sets"}
_NO_CARDS = "for which cards the libraries have kernels is not known without `--read-packages`: `gpus` is missing"
_LIBC = ("libc6", "glibc")


@dataclass(frozen=True)
class Repository:
    """Where packages come from, as the manifest is to state it."""

    url: str
    sources: tuple[Mapping[str, object], ...]
    """As the manifest is to have them: this one first, then what stands behind it."""
    is_trusted: bool
    """By a key whose fingerprint the user knows, or another manifest pins."""


@dataclass(frozen=True)
class Draft:
    """A manifest in the making. `stack` is what the YAML will hold, `notes` what could not be found."""

    stack: dict[str, object]
    notes: tuple[str, ...]


def vendor_named(contents: Contents, url: str) -> tuple[Vendor, tuple[str, ...]]:
    """Who made the packages, and the versions in their names, the newest last. Raises NotFound."""
    found = vendor_of(contents.names)
    if found is None:
        looked = ", ".join(f"`{one.example}`" for one in VENDORS)
        raise NotFound(f"`{url}` has none of the packages that ROCm is known by: {looked}")
    return found


def draft_manifest(repository: Repository, contents: Contents, name: str, alike: Stack | None) -> Draft:
    """The manifest of the newest ROCm in *contents*, or of the one that *name* ends with.

    *alike* is a stack that is built in the same way. Raises NotFound.
    """
    vendor, versions = vendor_named(contents, repository.url)
    version = _chosen_version(versions, name)
    others = [one for one in versions if one != version]
    roots, notes = find_roots(vendor, version, contents)
    if others:
        notes.insert(0, f"the repository has other versions, too: {', '.join(others)}")
    stated = _stated(vendor, version, contents, notes)
    host = _Host(contents, alike)
    kept = host.installable(roots, notes)
    if not kept.get("runtime"):
        raise NotFound(f"`{repository.url}` lacks what the runtime set of `{vendor.name}` is made of")
    number = stated.pop("version", version) or version
    named = name or f"{vendor.name}-{version or number}"
    root = vendor.root.replace("{version}", version)
    rocm: dict[str, object] = {
        "version": number,
        "root": root,
        **stated,
    }
    rocm["sources"] = [dict(one) for one in repository.sources]
    rocm[_SET_KEYS[contents.kind]] = {key: [one.text for one in many] for key, many in kept.items() if many}
    rocm |= host.facts(kept, notes)
    rocm |= _environment(root, alike, notes)
    gpus = _gpus(kept, contents, repository.url, notes)
    stack: dict[str, object] = {"schema": 1, "name": named, "summary": f"ROCm {number} from {repository.url}"}
    stack |= {"rocm": rocm, **gpus}
    return Draft({**stack, "unverified": _doubts(stack, repository.is_trusted)}, tuple(notes))


def _chosen_version(versions: tuple[str, ...], name: str) -> str:
    """The one that *name* ends with, else the last; empty where names of packages hold none."""
    return next((one for one in versions if name.endswith(f"-{one}")), versions[-1] if versions else "")


def with_kernels(contents: Contents, url: str, name: str) -> Package | None:
    """The package with the kernels of rocBLAS, by which the cards are known that a release is built for."""
    vendor, versions = vendor_named(contents, url)
    template = vendor.versions.get("rocblas", "").replace("{version}", _chosen_version(versions, name))
    found = contents.named(template) if template else ""
    return contents.newest(found) if found else None


def with_cards(draft: Draft, package: Package | None, targets: Iterable[str]) -> Draft:
    """*draft* with the cards that *package* has kernels for: *targets*, some of them several parted by blanks."""
    cards = sorted({one for target in targets for one in target.split()}, key=lambda one: (len(one), one))
    if not cards:
        where = f"{package} has no kernels that say" if package else "no package of rocBLAS says"
        told = (f"{where} for which cards it is" if one == _NO_CARDS else one for one in draft.notes)
        return replace(draft, notes=tuple(told))
    gpus = {one: {"support": "reported", "evidence": [f"kernels in {package}"]} for one in cards}
    notes = tuple(one for one in draft.notes if one != _NO_CARDS)
    stack = {key: value for key, value in draft.stack.items() if key not in ("gpus", "unverified")}
    return Draft({**stack, "gpus": gpus, "unverified": draft.stack["unverified"]}, notes)


def _stated(vendor: Vendor, version: str, contents: Contents, notes: list[str]) -> dict[str, str]:
    """The versions that packages carry, as far as the index has those packages."""
    found: dict[str, str] = {}
    for key, template in vendor.versions.items():
        name = contents.named(template.replace("{version}", version))
        package = contents.newest(name) if name else None
        if package:
            found[key] = upstream(package.version)
        elif key != "version":
            notes.append(f"no package says the version of {key}")
    return found


def _environment(root: str, alike: Stack | None, notes: list[str]) -> dict[str, object]:
    """The variables of a tree that is laid out alike."""
    if alike is None or not alike.rocm.environment:
        notes.append("which variables the tree needs is not known: `rocm.environment` is missing")
        return {}
    notes.append(f"`rocm.environment` is that of {alike.name}")
    variables = alike.rocm.environment.items()
    return {"environment": {name: value.replace(alike.rocm.root, root) for name, value in variables}}


def _gpus(
    kept: Mapping[str, Iterable[Root]], contents: Contents, url: str, notes: list[str]
) -> dict[str, dict[str, object]]:
    """The cards that there are packages for."""
    templates = [one.name for many in kept.values() for one in many if "{gpu}" in one.name]
    targets = dict.fromkeys(target for one in templates for target in targets_in(one, contents.names))
    if not targets:
        notes.append(_NO_CARDS)
        return {}
    return {"gpus": {one: {"support": "reported", "evidence": [f"packages in {url}"]} for one in targets}}


def _doubts(stack: Mapping[str, object], is_trusted: bool) -> list[str]:
    """The keys whose values no signed index states."""
    rocm = stack["rocm"]
    there = [f"rocm.{key}" for key in rocm] if isinstance(rocm, Mapping) else []
    if not is_trusted:
        return ["summary", *there, *(["gpus"] if "gpus" in stack else [])]
    return [key for key in there if key in ("rocm.root", "rocm.host", "rocm.host_only", "rocm.environment")]


class _Host:
    """What the packages lean on that a machine may have already."""

    def __init__(self, contents: Contents, alike: Stack | None) -> None:
        self._contents = contents
        self._alike = alike
        self._known: Mapping[str, tuple[str, ...]] = alike.rocm.host if alike else {}
        self._is_whole = any(contents.newest(one) for one in _LIBC)
        """The repository has a C library: it is a distribution's, and what it lacks nobody else will have."""

    def installable(self, roots: Mapping[str, list[Root]], notes: list[str]) -> dict[str, list[Root]]:
        """*roots* without those that the repository itself cannot satisfy."""
        reasons: dict[str, str] = {}
        for root in (one for many in roots.values() for one in many):
            reason = self._obstacle(root) if root.text not in reasons else ""
            if reason:
                reasons[root.text] = reason
        notes += [f"`{text}` is left out: {reason}" for text, reason in reasons.items()]
        return {key: [one for one in many if one.text not in reasons] for key, many in roots.items()}

    def facts(self, roots: Mapping[str, Iterable[Root]], notes: list[str]) -> dict[str, object]:
        """`host` and `host_only`: the packages that all lean on, or would if they were there, and have proofs."""
        walked = walk((name for many in roots.values() for one in many for name in one.packages), self._contents)
        wanted = {*walked.packages, *(name for alternatives in walked.missing for name in alternatives)}
        host = {name: list(proofs) for name, proofs in self._known.items() if name in wanted}
        unknown = sorted(" | ".join(one) for one in walked.missing if not self._is_known(one))
        if unknown:
            notes.append(f"nothing here shows that a machine has: {', '.join(unknown)}; add proofs to `rocm.host`")
        if host and self._alike:
            notes.append(f"the proofs in `rocm.host` are those of {self._alike.name}")
        only = [name for name in (self._alike.rocm.host_only if self._alike else ()) if name in host]
        return {**({"host_only": only} if only else {}), **({"host": host} if host else {})}

    def _obstacle(self, root: Root) -> str:
        """Why *root* cannot be had, empty where it can. What another repository may have is no obstacle."""
        missing = walk(root.packages, self._contents).missing
        broken = [one for one in missing if self._is_whole and not self._is_known(one)]
        if broken:
            return f"nothing provides `{' | '.join(broken[0])}`"
        names = {name for alternatives in missing for name in alternatives}
        try:
            resolve_closure(root.packages, self._contents.indexes, proven=names)
        except UnresolvedDependency as error:
            return error.message
        return ""

    def _is_known(self, alternatives: tuple[str, ...]) -> bool:
        return any(name in self._known or is_capability(name) for name in alternatives)
