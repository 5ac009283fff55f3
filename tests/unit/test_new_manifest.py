"""A manifest from what an index offers: what is found, what is not, and how it is written down."""

from __future__ import annotations

import pytest
import yaml

from rocmswitch.errors import NotFound
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.metadata.manifestwriter import write_manifest
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Rocm, Stack
from rocmswitch.planning.newmanifest import Draft, Repository, draft_manifest
from rocmswitch.planning.newroots import Contents, is_capability
from rocmswitch.planning.vendors import targets_in, upstream, vendor_of
from tests.support.packages import index, package

URL = "https://repo.example/apt"
SOURCE = {"kind": "apt", "url": URL, "suite": "noble", "key": {"fingerprint": "A" * 40}}
ALIKE = Stack(
    schema=1,
    name="rocm-6.2.2",
    summary="Before",
    rocm=Rocm(
        version="6.2.2",
        root="opt/rocm-6.2.2",
        sources=(Source(kind="apt", url=URL, suite="noble", key=Key(fingerprint="A" * 40)),),
        sets=Sets(runtime=("rocm-hip-runtime6.2.2",)),
        host={"libc6": ("libc.so.6",), "libelf1": ("libelf.so.1",), "perl": ("bin/perl",)},
        host_only=("libc6", "perl"),
        environment={"ROCM_PATH": "{prefix}/opt/rocm-6.2.2", "HIP_PLATFORM": "amd"},
    ),
)


def amd(version: str = "6.2.4", number: str = "60204") -> list[dict[bytes, bytes]]:
    return [
        package(f"rocm-core{version}", f"{version}.{number}-139~24.04"),
        package(
            f"hip-runtime-amd{version}", f"6.2.41134.{number}-139~24.04", f"rocm-core{version}, libelf1, libc6"
        ),
        package(f"rocminfo{version}", f"1.0.0.{number}-139~24.04", "python3 | python3-minimal"),
        package(
            f"rocm-hip-runtime{version}",
            f"{version}.{number}-139~24.04",
            f"hip-runtime-amd{version}, rocminfo{version}",
        ),
    ]


def drafted(
    *packages: dict[bytes, bytes], name: str = "", alike: Stack | None = ALIKE, trusted: bool = True
) -> Draft:
    found = index(*packages)
    contents = Contents("apt", frozenset(found.names()), ((found, 500),))
    return draft_manifest(Repository(URL, (SOURCE,), trusted), contents, name, alike)


def read(draft: Draft) -> Stack:
    return parse_manifest(write_manifest(draft.stack, draft.notes).encode(), "new.yaml")


def test_what_the_index_says_is_what_the_manifest_says():
    stack = read(drafted(*amd()))

    rocm = stack.rocm
    assert (stack.name, rocm.version, rocm.root, rocm.hip) == ("rocm-6.2.4", "6.2.4", "opt/rocm-6.2.4", "6.2.41134")
    assert rocm.sets == Sets(runtime=("rocm-hip-runtime6.2.4", "rocminfo6.2.4"))
    assert rocm.host == {"libc6": ("libc.so.6",), "libelf1": ("libelf.so.1",)}
    assert rocm.host_only == ("libc6",)
    assert rocm.environment == {"ROCM_PATH": "{prefix}/opt/rocm-6.2.4", "HIP_PLATFORM": "amd"}


def test_what_is_not_in_the_index_is_a_note_and_nowhere_else():
    draft = drafted(*amd())

    assert "not in the repository, so not in the set `compiler`: rocm-hip-runtime-dev6.2.4" in draft.notes
    assert "no package says the version of rocblas" in draft.notes
    assert (
        "nothing here shows that a machine has: python3 | python3-minimal; add proofs to `rocm.host`" in draft.notes
    )
    assert read(draft).rocm.rocblas == ""


def test_of_several_versions_the_newest_is_taken_or_the_one_that_the_name_ends_with():
    packages = [*amd("6.2.4"), *amd("6.10.1", "61001"), *amd("6.3.0", "60300")]

    assert read(drafted(*packages)).rocm.version == "6.10.1"
    assert read(drafted(*packages, name="mine-6.3.0")).rocm.version == "6.3.0"
    assert "the repository has other versions, too: 6.2.4, 6.3.0" in drafted(*packages).notes


def test_without_a_stack_that_is_built_alike_nothing_is_taken_over():
    draft = drafted(*amd(), alike=None)

    assert (read(draft).rocm.host, read(draft).rocm.environment) == ({}, {})
    assert "which variables the tree needs is not known: `rocm.environment` is missing" in draft.notes


def test_what_nobody_vouches_for_is_doubted_in_every_key():
    keys = set(read(drafted(*amd(), trusted=False)).unverified)

    assert {"rocm.sources", "rocm.sets", "rocm.version", "rocm.hip", "summary"} <= keys


def test_a_root_that_a_whole_archive_cannot_satisfy_is_left_out_and_said():
    """librccl1 of Debian's sid needs a libhsakmt1 that is gone."""
    draft = drafted(
        package("libc6", "2.42"),
        package("libamdhip64-6", "6.4.3-1", "libc6"),
        package("librccl1", "5.4.3-2", "libamdhip64-6, libhsakmt1"),
        package("librocblas4", "6.4.4-1", "libamdhip64-6"),
        alike=None,
    )

    assert draft.notes.count("`librccl1 (>= 5.4.3, << 5.5)` is left out: nothing provides `libhsakmt1`") == 1
    sets = read(draft).rocm.sets
    assert sets == Sets(
        runtime=("libamdhip64-6 (>= 6.4.3, << 6.5)",), libraries=("librocblas4 (>= 6.4.4, << 6.5)",)
    )


def test_of_several_interfaces_the_one_with_the_highest_number_is_taken():
    draft = drafted(package("libamdhip64-9", "9.0-1"), package("libamdhip64-10", "10.0-1"), alike=None)

    assert read(draft).rocm.sets == Sets(runtime=("libamdhip64-10 (>= 10.0, << 10.1)",))


@pytest.mark.parametrize(
    "packages",
    [
        [package("hello")],
        [package("rocm-hip-runtime-of-somebody")],
        [package("libamdhip64-6", "6.4.3-1", "gone"), package("libc6")],
    ],
    ids=["another repository", "a name that is only alike", "nothing that could run"],
)
def test_a_repository_without_rocm_makes_no_manifest(packages: list[dict[bytes, bytes]]):
    with pytest.raises(NotFound):
        drafted(*packages, alike=None)


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("6.2.41134.60204-139~24.04", "6.2.41134"),
        ("6.2.4.60204-139.el9", "6.2.4"),
        ("10.0.0-4", "10.0.0"),
        ("5.3.0+dfsg-2", "5.3.0"),
        ("1:7.2.4~rc1-1", "7.2.4"),
        ("20230209", "20230209"),
    ],
)
def test_a_packages_version_begins_with_that_of_what_is_in_it(version: str, number: str):
    assert upstream(version) == number


def test_cards_are_those_that_there_are_packages_for():
    names = [
        "amdrocm10.0-gfx90a",
        "amdrocm10.0-gfx1100",
        "amdrocm10.0",
        "amdrocm7.14-gfx942",
        "amdrocm10.0-gfx9-test",
    ]

    assert targets_in("amdrocm10.0-{gpu}", names) == ("gfx90a", "gfx1100")


def test_vendors_are_known_by_names_that_only_they_have():
    found = [vendor_of(names) for names in (["rocm-hip-runtime6.2.4"], ["amdrocm-runtime10.0"], ["libamdhip64-5"])]

    assert [one and (one[0].name, one[1]) for one in found] == [
        ("rocm", ("6.2.4",)),
        ("therock", ("10.0",)),
        ("debian", ()),
    ]
    assert vendor_of(["rocblas"]) is None


def test_libraries_files_and_modules_are_no_packages():
    assert [
        is_capability(one) for one in ("libc.so.6(GLIBC_2.28)(64bit)", "/bin/sh", "perl(File::Which)", "numactl")
    ] == [
        True,
        True,
        True,
        False,
    ]


def test_a_written_manifest_reads_back_as_the_same_values():
    stack = {
        "schema": 1,
        "summary": "no: yes",
        "version": "6.2",
        "day": "2024-11-06",
        "list": ["a (>= 1)", "1e3", ""],
    }

    text = write_manifest(stack, ["a note\nschema: 2", "\x1b[31m", ""])

    assert yaml.safe_load(text) == stack
    assert text.startswith("# a note") and "\nschema: 1\n" in text
    assert "\x1b" not in text
