"""Debian's real archive: real signatures, a real index, and a suite that has really expired."""

from __future__ import annotations

import itertools
import lzma
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.place import ARCHIVES
from rocmswitch.fetch.repository import Repositories
from rocmswitch.fetch.sequoia import Sequoia
from rocmswitch.fetch.signature import installed_verifier
from rocmswitch.fetch.signed import Verifier
from rocmswitch.host.apt import host_mirror
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Source
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

pytestmark = pytest.mark.network("debian")

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ARCHIVE_KEYS = (
    "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",  # archive, 12
    "4D64FEC119C2029067D6E791F8D2585B8783D481",  # stable release, 12
    "04B54C3CDCA79751B16BC6B5225629DF75B188BD",  # archive, 13
)
HOST = Host("debian", (), "bookworm", "amd64", "2.36")


def source(suite: str) -> Source:
    if not KEYRING.exists():
        pytest.skip("no debian-archive-keyring here")
    return Source(
        kind="apt", archive="debian", suite=suite, key=Key(fingerprint=ARCHIVE_KEYS, keyring=str(KEYRING))
    )


def repositories(folder: Path, verifier: Verifier | None = None) -> Repositories:
    mirror = host_mirror(Path("/"), "debian", HOST) or ARCHIVES["debian"]
    return Repositories(
        Http(),
        Layout.under(folder),
        Disk(),
        datetime.now(timezone.utc),
        host_mirrors={"debian": mirror},
        verifier=verifier or installed_verifier(),
    )


@pytest.mark.parametrize("verifier", [None, Sequoia()], ids=["installed", "sequoia"])
def test_bookworms_real_index_is_verified_and_has_its_hip(tmp_path: Path, verifier: Verifier | None) -> None:
    opened = repositories(tmp_path, verifier).open((source("bookworm"),), HOST)

    ((index, _),) = opened.indexes
    (hipcc,) = index.candidates("hipcc")
    (record,) = opened.records
    assert (hipcc.version.startswith("5.2.3-"), len(index) > 60_000, opened.warnings) == (True, True, ())
    assert record.fingerprint in ARCHIVE_KEYS


def test_a_kept_index_of_bookworm_is_opened_without_the_network(tmp_path: Path) -> None:
    repositories(tmp_path).open((source("bookworm"),), HOST)

    opened = repositories(tmp_path).open((source("bookworm"),), HOST, offline=True)

    ((index, _),) = opened.indexes
    assert (len(index.candidates("hipcc")), len(index) > 60_000) == (1, True)


def test_a_suite_that_has_expired_is_refused_unless_that_is_allowed(tmp_path: Path) -> None:
    """sid is valid for a week from its Date. Here the clock is moved, so that it has always passed."""
    late = replace(repositories(tmp_path), now=datetime(2099, 1, 1, tzinfo=timezone.utc))

    with pytest.raises(VerificationFailed, match=r"was valid until .* only"):
        late.open((source("sid"),), HOST)
    opened = late.open((source("sid"),), HOST, allow_expired=True)

    assert ([one.expired for one in opened.records], len(opened.indexes[0][0]) > 60_000) == ([True], True)


def test_a_mirror_that_lags_by_more_than_a_week_is_found_out_by_sids_own_date(tmp_path: Path) -> None:
    """Today's real state of the mirror: it lags, and is refused, or it does not."""
    today = repositories(tmp_path)
    (record,) = today.open((source("sid"),), HOST, allow_expired=True).records

    try:
        today.open((source("sid"),), HOST)
        refused = False
    except VerificationFailed:
        refused = True

    assert refused is record.expired


def test_every_seventh_package_of_bookworm_is_read_as_python_debian_reads_it(tmp_path: Path) -> None:
    """An independent reader of the same signed file: versions, sizes, and every relation."""
    from debian.deb822 import Packages

    today = repositories(tmp_path)
    ((index, _),) = today.open((source("bookworm"),), HOST).indexes
    mirror = today.host_mirrors["debian"]
    text = lzma.decompress(
        Http().read(f"{mirror}/dists/bookworm/main/binary-amd64/Packages.xz", limit=64 * 1024 * 1024)
    )

    for stanza in itertools.islice(Packages.iter_paragraphs(text, use_apt_pkg=False), 0, None, 7):
        (ours,) = (one for one in index.candidates(stanza["Package"]) if one.version == stanza["Version"])
        assert (ours.filename, ours.size, ours.digest.value, ours.installed_size) == (
            stanza["Filename"],
            int(stanza["Size"]),
            stanza["SHA256"],
            int(stanza.get("Installed-Size", "0")) * 1024,
        )
        theirs = [*(stanza.relations["pre-depends"] or ()), *(stanza.relations["depends"] or ())]
        assert [[str(one) for one in alternatives] for alternatives in ours.depends] == [
            [_as_text(one) for one in alternatives] for alternatives in theirs
        ]


def _as_text(relation: dict[str, Any]) -> str:
    name = f"{relation['name']}:{relation['archqual']}" if relation["archqual"] else str(relation["name"])
    operator, version = relation["version"] or ("", "")
    return f"{name} ({operator} {version})" if operator else name
