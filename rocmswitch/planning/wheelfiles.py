"""What the names of wheels and of archives of source say, and which wheel suits a Python best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version


def best_file(name: str, version: str, files: Iterable[str], tags: Sequence[Tag]) -> str:
    """The wheel of exactly this version that suits *tags* best; empty where none does.

    Between two of equal tags the one with the higher build number wins.
    """
    ranks = {tag: rank for rank, tag in enumerate(tags)}
    found = []
    for file in files:
        try:
            project, found_version, build, offered = parse_wheel_filename(file)
        except InvalidWheelFilename:
            continue
        rank = min((ranks[tag] for tag in offered if tag in ranks), default=None)
        if project == canonicalize_name(name) and found_version == Version(version) and rank is not None:
            found.append((-rank, build, file))
    return max(found)[2] if found else ""


def source_file(name: str, version: str, files: Iterable[str]) -> str:
    """The archive of source of exactly this version; empty where there is none."""
    return next(
        (file for file in files if is_source(file) and project_of(file) == (canonicalize_name(name), version)), ""
    )


def is_source(filename: str) -> bool:
    """Whether it has to be packed as a wheel first."""
    return filename.endswith(".tar.gz")


def project_of(filename: str) -> tuple[str, str]:
    """The normalised name and the version in the name of a wheel or of an archive of source; empty in another."""
    try:
        parse = parse_sdist_filename if is_source(filename) else parse_wheel_filename
        name, version = parse(filename)[:2]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return "", ""
    return name, str(version)


def version_of(tag: str) -> str:
    """`cp311` as people type it: `3.11`; `cp313t` is `3.13t`."""
    return f"{tag[2]}.{tag[3:]}"
