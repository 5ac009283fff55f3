"""Which kind of source a prefix comes from, and whose word is taken for the keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.errors import UsageMistake, VerificationFailed
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Rocm, Stack
from rocmswitch.planning.origin import Trust, choose_origin, is_known, parse_fingerprint
from rocmswitch.planning.suites import suite_for

ONE, OTHER = "A" * 40, "B" * 40
APT = Source(
    kind="apt",
    url="https://a.example/apt",
    suite={"jammy": "jammy", "noble": "noble", "default": "jammy"},
    key=Key(fingerprint=ONE),
)
RPM = Source(
    kind="rpm",
    url="https://a.example/rpm/{suite}",
    suite={"el8": "rhel8", "el9": "rhel9", "sles15": "zyp"},
    key=Key(fingerprint=ONE),
)
TARBALL = Source(kind="tarball", url="https://a.example/rocm.tar.gz", digest="0" * 64, root="opt/rocm")
WHEELS = Source(kind="wheels", url="https://a.example/whl/", root="_rocm_sdk_core")
NOBODY_KNOWS = Key(url="https://a.example/key.asc")

DEBIAN = Host("debian", (), "bookworm", "amd64", "2.36", "12")
UBUNTU = Host("ubuntu", ("debian",), "noble", "amd64", "2.39", "24.04")
ROCKY = Host("rocky", ("rhel", "centos", "fedora"), "", "amd64", "2.34", "9.4")
FEDORA = Host("fedora", (), "", "amd64", "2.40", "41")
LEAP = Host("opensuse-leap", ("suse", "opensuse"), "", "amd64", "2.38", "15.6")
OLD = Host("slackware", (), "", "amd64", "2.33", "15.0")
ARCH = Host("arch", (), "", "amd64", "2.41")


def unknown(source: Source) -> Source:
    return Source(kind=source.kind, url=source.url, suite=source.suite, key=NOBODY_KNOWS)


def stack(*sources: Source, **environment: str) -> Stack:
    kinds = {one.kind for one in sources}
    rocm = Rocm(
        version="10.1.0",
        root="opt/rocm-10.1.0",
        sources=sources,
        sets=Sets(runtime=("rocm-dev",)) if "apt" in kinds else None,
        rpm_sets=Sets(runtime=("rocm-devel",)) if "rpm" in kinds else None,
        environment=environment,
    )
    return Stack(schema=1, name="therock-10.1", summary="", rocm=rocm)


@pytest.mark.parametrize(
    ("host", "kind", "why"),
    [
        (DEBIAN, "apt", "this machine's own packages are Debian's"),
        (UBUNTU, "apt", "this machine's own packages are Debian's"),
        (ARCH, "apt", "apt's packages fit its C library"),
        (ROCKY, "rpm", "this machine's own packages are rpm's"),
        (FEDORA, "rpm", "this machine's own packages are rpm's"),
        (LEAP, "rpm", "this machine's own packages are rpm's"),
        (OLD, "rpm", "apt's packages need a newer C library than glibc 2.33, which is here"),
    ],
    ids=lambda one: one.distribution if isinstance(one, Host) else "",
)
def test_the_kind_that_suits_the_machine_is_taken_and_said(host: Host, kind: str, why: str):
    found = choose_origin(stack(APT, RPM, TARBALL), host)

    assert found.kind == kind
    others = ", ".join(f"`{one}`" for one in ("apt", "rpm", "tarball") if one != kind)
    assert found.because == f"{kind}, though there is {others} too: {why}; `--source` chooses another"


def test_where_there_is_no_choice_nothing_is_said():
    assert choose_origin(stack(APT, WHEELS), ROCKY).because == ""


@pytest.mark.parametrize("kind", ["apt", "rpm", "tarball"])
def test_what_is_asked_for_is_taken(kind: str):
    found = choose_origin(stack(TARBALL, APT, RPM), DEBIAN, kind)

    assert (found.kind, found.because) == (kind, "")
    assert [one.kind for one in found.sources] == [kind]


def test_what_is_installed_stays_what_it_is():
    assert choose_origin(stack(APT, RPM), DEBIAN, installed="rpm").kind == "rpm"
    assert choose_origin(stack(APT, RPM), DEBIAN, "apt", installed="rpm").kind == "apt"
    assert choose_origin(stack(APT, RPM), DEBIAN, installed="tarball").kind == "apt"


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(UsageMistake, match="has no source of kind `tarball`, only of `apt`, `rpm`"):
        choose_origin(stack(APT, RPM), DEBIAN, "tarball")


def test_a_source_without_a_suite_for_the_machine_is_passed_over():
    only_noble = Source(kind="apt", url="https://a.example/apt", suite={"noble": "noble"}, key=APT.key)

    assert choose_origin(stack(only_noble, RPM), DEBIAN).kind == "rpm"
    assert choose_origin(stack(only_noble, RPM), UBUNTU).kind == "apt"


def test_a_tarball_takes_the_place_of_sources_whose_keys_nobody_knows():
    found = choose_origin(stack(unknown(APT), unknown(RPM), TARBALL), ROCKY)

    assert found.kind == "tarball"
    assert "the key of its rpm source is not known" in found.because


def test_without_one_an_unknown_key_is_refused_with_the_words_to_state_it():
    with pytest.raises(VerificationFailed) as caught:
        choose_origin(stack(unknown(APT)), DEBIAN)

    assert "nobody could learn the fingerprint of the key that signs `https://a.example/apt`" in str(caught.value)
    assert caught.value.hint == "run `rocmswitch install therock-10.1 --source apt --key FINGERPRINT`"


def test_asking_for_a_source_does_not_make_its_key_known():
    with pytest.raises(VerificationFailed) as caught:
        choose_origin(stack(unknown(APT), TARBALL), DEBIAN, "apt")

    assert str(caught.value.hint).endswith("or `rocmswitch install therock-10.1 --source tarball`")


def test_a_stated_fingerprint_makes_a_source_known():
    found = choose_origin(stack(unknown(APT), TARBALL), DEBIAN, trust=Trust((ONE, OTHER)))

    assert found.kind == "apt"
    assert [one.key and one.key.fingerprints for one in found.sources] == [(ONE, OTHER)]


@pytest.mark.parametrize("url", [APT.url, "https://a.example/key.asc"])
def test_a_fingerprint_may_be_kept_for_a_source_or_for_its_key(url: str):
    found = choose_origin(
        stack(unknown(APT)), DEBIAN, trust=Trust(kept={url: (ONE,), "https://b.example": (OTHER,)})
    )

    assert [one.key and one.key.fingerprints for one in found.sources] == [(ONE,)]


def test_nothing_takes_the_place_of_a_fingerprint_in_the_manifest():
    with pytest.raises(UsageMistake, match="needs no fingerprint"):
        choose_origin(stack(APT), DEBIAN, trust=Trust((OTHER,)))
    (source,) = choose_origin(stack(APT), DEBIAN, trust=Trust(kept={APT.url: (OTHER,)})).sources

    assert source.key is not None
    assert source.key.fingerprints == (ONE,)


def test_one_unknown_key_of_several_sources_is_enough_to_refuse():
    with pytest.raises(VerificationFailed):
        choose_origin(stack(APT, unknown(APT)), DEBIAN)


def test_a_narrowed_stack_has_one_kind_and_its_own_places():
    whole = stack(APT, RPM, TARBALL, ROCM_PATH="{root}", HIP_PATH="{root}/hip", HIP_PLATFORM="amd")

    by_kind = {kind: choose_origin(whole, DEBIAN, kind).narrowed(whole).rocm for kind in ("apt", "rpm", "tarball")}

    assert [(one.kinds, one.root) for one in by_kind.values()] == [
        (("apt",), "opt/rocm-10.1.0"),
        (("rpm",), "opt/rocm-10.1.0"),
        (("tarball",), "opt/rocm"),
    ]
    assert [one.roots and one.roots.runtime for one in by_kind.values()] == [("rocm-dev",), ("rocm-devel",), None]
    assert by_kind["tarball"].environment == {
        "ROCM_PATH": "{prefix}/opt/rocm",
        "HIP_PATH": "{prefix}/opt/rocm/hip",
        "HIP_PLATFORM": "amd",
    }


def test_the_root_of_wheels_lies_in_site_packages():
    rocm = stack(APT, WHEELS, ROCM_PATH="{root}", HIP_PATH="{prefix}/_rocm_sdk_core").rocm

    folder = "{prefix}/lib/python3.12/site-packages/_rocm_sdk_core"
    assert rocm.environment_in("lib/python3.12/site-packages") == {"ROCM_PATH": folder, "HIP_PATH": folder}


@pytest.mark.parametrize(
    ("host", "suite"),
    [
        (ROCKY, "rhel9"),
        (replace(ROCKY, version="8.10"), "rhel8"),
        (LEAP, "zyp"),
        (FEDORA, "rhel9"),
        (DEBIAN, "rhel9"),
    ],
)
def test_a_suite_of_rpm_is_that_of_the_family_or_the_newest_that_runs(host: Host, suite: str):
    assert suite_for(RPM, host) == suite


def test_a_machine_with_an_old_c_library_takes_an_older_suite():
    assert suite_for(RPM, OLD) == "rhel8"
    assert suite_for(RPM, replace(OLD, glibc="2.17")) == ""


@pytest.mark.parametrize("text", [ONE, ONE.lower(), " ".join([ONE[:20], ONE[20:]]), f"0x{ONE}"])
def test_fingerprints_are_read_as_programs_show_them(text: str):
    assert parse_fingerprint(text) == ONE


@pytest.mark.parametrize("text", ["", "A" * 39, "A" * 41, "G" * 40, "A" * 16])
def test_what_is_shorter_than_a_fingerprint_is_none(text: str):
    with pytest.raises(ValueError, match="40 hex digits"):
        parse_fingerprint(text)


def test_a_source_that_nobody_signs_needs_no_key():
    assert is_known(TARBALL)


def test_an_archive_for_what_a_machine_may_lack_decides_nothing():
    jammy = replace(UBUNTU, codename="jammy", glibc="2.35")
    archive = Source(kind="apt", archive="debian", suite="bookworm", priority=100, key=Key(fingerprint="B" * 40))

    assert choose_origin(stack(APT, archive, RPM), jammy).kind == "apt"
