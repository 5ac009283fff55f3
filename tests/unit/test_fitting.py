"""Whether a library fits, decided on headers alone: what the loader would do with it, in words."""

from __future__ import annotations

import pytest

from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.deployment import FILE, Seen
from rocmswitch.planning.fitting import check_library, soname_fits
from rocmswitch.planning.loader import Files, Search
from rocmswitch.planning.placing import Ground, Incoming, Neighbour, Placing, Target, is_library, stem

LIB = "/env/site/torch/lib"
LIBC = ElfFacts("EM_X86_64", "ET_DYN", 64, "libc.so.6", interpreter="/lib64/ld", defined_versions=("GLIBC_2.36",))


def facts(soname: str, *needed: str, **more: object) -> ElfFacts:
    return ElfFacts("EM_X86_64", "ET_DYN", 64, soname, needed, **more)  # type: ignore[arg-type]


def neighbour(file: str, one: ElfFacts, *names: str) -> Neighbour:
    return Neighbour(f"{LIB}/{file}", frozenset((file, one.soname, *names)), one)


HIP = neighbour("libamdhip64.so", facts("libamdhip64.so.6", defined_versions=("hip_4.2",)))
TORCH = neighbour("libtorch_hip.so", facts("libtorch_hip.so", "libMIOpen.so", "libamdhip64.so"))
OLD = facts("libMIOpen.so.1", "libamdhip64.so")


def ground(*neighbours: Neighbour, host: dict[str, ElfFacts] | None = None, glibc: str = "2.36") -> Ground:
    """A machine whose loader has libc and *host* (paths), and an environment with *neighbours*."""
    files = {one.path: one.facts for one in neighbours} | {"/lib/libc.so.6": LIBC} | (host or {})
    known = Files(lambda path: path if path in files else "", files.get)
    return Ground("EM_X86_64", glibc, known, Search(folders=("/lib",)), neighbours, ("/env",))


def placing(new: ElfFacts, old: ElfFacts | None = OLD, file: str = "libMIOpen.so", **more: object) -> Placing:
    seen = Seen(FILE, 1, 2, 3) if old else Seen()
    target = Target("/env/site", f"torch/lib/{file}", seen, old, frozenset({file}), **more)  # type: ignore[arg-type]
    return Placing(Incoming("/home/u/built.so", 3, new), target)


def told(one: Placing, where: Ground) -> list[tuple[str, str]]:
    return [(problem.kind, problem.what) for problem in check_library(one, where.with_new([one]))]


@pytest.mark.parametrize(
    ("new", "old", "fits"),
    [
        ("libMIOpen.so.1", "libMIOpen.so.1", True),
        ("libMIOpen.so.1", "libMIOpen.so", True),
        ("libMIOpen.so", "libMIOpen.so.1", True),
        ("libMIOpen.so.1.0.60204", "libMIOpen.so.1", True),
        ("libMIOpen.so.2", "libMIOpen.so.1", False),
        ("libMIOpen.so.10", "libMIOpen.so.1", False),
        ("librocblas.so.1", "libMIOpen.so.1", False),
        ("libgomp.so.1", "libgomp-a34b3233.so.1.0.0", True),
        ("libMIOpenDriver.so", "libMIOpen.so", False),
        ("_C.cpython-312-x86_64-linux-gnu.so", "_C.cpython-311-x86_64-linux-gnu.so", False),
    ],
)
def test_a_soname_fits_where_name_and_major_version_do_not_contradict(new: str, old: str, fits: bool):
    assert soname_fits(new, old) is fits


def test_a_library_that_the_loader_would_take_has_no_problem():
    new = facts(
        "libMIOpen.so.1",
        *("libamdhip64.so.6", "libc.so.6"),
        needed_versions=(("libamdhip64.so.6", ("hip_4.2",)), ("libc.so.6", ("GLIBC_2.36",))),
    )

    assert told(placing(new), ground(HIP, TORCH)) == []


def test_another_processor_is_the_only_thing_said():
    arm = ElfFacts("EM_AARCH64", "ET_DYN", 64, "libother.so", ("libnothing.so",))

    assert told(placing(arm), ground()) == [
        ("architecture", "it is for aarch64 (64 bit), and `libMIOpen.so` there for x86_64 (64 bit)")
    ]


def test_where_nothing_is_yet_the_machine_says_for_which_processor():
    small = ElfFacts("EM_386", "ET_DYN", 32, "libMIOpen.so.1")

    assert told(placing(small, None), ground()) == [
        ("architecture", "it is for 386 (32 bit), and this machine for x86_64 (64 bit)")
    ]


def test_another_major_version_names_both():
    assert told(placing(facts("libMIOpen.so.2")), ground()) == [
        ("soname", "it is `libMIOpen.so.2`, and `libMIOpen.so` there is `libMIOpen.so.1`")
    ]


def test_who_needs_the_old_soname_would_not_get_the_new_library_by_its_file_name():
    vision = neighbour("libvision.so", facts("libvision.so", "libMIOpen.so.1"))

    assert told(placing(facts("libMIOpen.so")), ground(vision)) == [
        ("soname", "`libvision.so` needs it by its soname `libMIOpen.so.1`, and it is `libMIOpen.so`")
    ]


def test_a_symlink_with_the_old_soname_is_enough_for_who_needs_it():
    vision = neighbour("libvision.so", facts("libvision.so", "libMIOpen.so.1"))
    target = Target(
        "/env/site",
        "torch/lib/libMIOpen.so",
        Seen(FILE, 1, 2, 3),
        OLD,
        frozenset({"libMIOpen.so", "libMIOpen.so.1"}),
    )

    assert told(Placing(Incoming("/built.so", 3, facts("libMIOpen.so")), target), ground(vision)) == []


def test_what_nobody_has_is_told_with_what_the_environment_has_instead():
    assert told(placing(facts("libMIOpen.so.1", "libamdhip64.so.5", "libsqlite3.so.0")), ground(HIP)) == [
        (
            "needed",
            "it needs `libamdhip64.so.5`, which neither the environment nor this machine has; there is"
            " `libamdhip64.so`, which is `libamdhip64.so.6`",
        ),
        ("needed", "it needs `libsqlite3.so.0`, which neither the environment nor this machine has"),
    ]


def test_a_second_copy_of_a_rocm_library_is_no_provider():
    other = {"/opt/rocm/lib/libamdhip64.so.5": facts("libamdhip64.so.5")}
    new = facts("libMIOpen.so.1", "libamdhip64.so.5", runpath="/opt/rocm/lib")

    assert told(placing(new), ground(HIP, host=other)) == [
        (
            "needed",
            "it needs `libamdhip64.so.5`, which would be `/opt/rocm/lib/libamdhip64.so.5`, a second copy beside"
            f" `{LIB}/libamdhip64.so`",
        )
    ]


def test_what_is_loaded_already_counts_before_a_search_path_that_leads_elsewhere():
    other = {"/opt/rocm/lib/libamdhip64.so.6": facts("libamdhip64.so.6")}
    new = facts("libMIOpen.so.1", "libamdhip64.so.6", runpath="/opt/rocm/lib")

    assert told(placing(new), ground(HIP, host=other)) == []


def test_a_library_finds_what_its_own_search_path_names_from_where_it_is_put():
    beside = {"/env/site/extra/libboost.so.1": facts("libboost.so.1")}
    new = facts("libMIOpen.so.1", "libboost.so.1", runpath="$ORIGIN/../../extra")
    where = ground(host=beside)
    files = Files(
        lambda path: "/env/site/extra/libboost.so.1" if path.endswith("extra/libboost.so.1") else "",
        where.files.facts,
    )

    assert told(placing(new), Ground("EM_X86_64", "2.36", files, Search())) == []


def test_the_interpreter_s_own_rpath_is_inherited():
    conda = {
        "/env/bin/python3.12": facts("", rpath="$ORIGIN/../lib"),
        "/env/bin/../lib/libz.so.1": facts("libz.so.1"),
    }
    where = ground(host=conda)
    new = placing(facts("libMIOpen.so.1", "libz.so.1"))
    inside = Ground("EM_X86_64", "2.36", where.files, where.search, roots=("/env",), python="/env/bin/python3.12")

    assert (told(new, where)[0][0], told(new, inside)) == ("needed", [])


def test_a_symbol_version_that_its_provider_does_not_define_names_both():
    new = facts("libMIOpen.so.1", "libamdhip64.so.6", needed_versions=(("libamdhip64.so.6", ("hip_4.2", "hip_9")),))

    assert told(placing(new), ground(HIP)) == [
        ("version", f"it needs `hip_9` of `libamdhip64.so.6`, which `{LIB}/libamdhip64.so` does not define")
    ]


def test_what_others_need_of_the_old_one_and_the_new_one_lost_is_told():
    old = facts("libamdhip64.so.6", defined_versions=("hip_4.2", "hip_5"))
    user = neighbour("libtorch_hip.so", facts("libtorch_hip.so", needed_versions=(("libamdhip64.so", ("hip_5",)),)))
    other = neighbour("librccl.so", facts("librccl.so", needed_versions=(("libamdhip64.so.6", ("hip_9",)),)))
    new = facts("libamdhip64.so.6", defined_versions=("hip_4.2",))

    assert told(placing(new, old, "libamdhip64.so"), ground(user, other)) == [
        ("version", "`libtorch_hip.so` needs `hip_5` of `libamdhip64.so`, which it does not define")
    ]


def test_a_library_without_any_versions_satisfies_all_because_the_loader_only_warns():
    old = facts("libamdhip64.so.6", defined_versions=("hip_4.2",))
    user = neighbour(
        "libtorch_hip.so", facts("libtorch_hip.so", needed_versions=(("libamdhip64.so", ("hip_4.2",)),))
    )

    assert told(placing(facts("libamdhip64.so.6"), old, "libamdhip64.so"), ground(user)) == []


def test_a_newer_glibc_is_one_problem_whatever_else_it_lacks_of_it():
    versions = (("libc.so.6", ("GLIBC_2.4", "GLIBC_2.38")), ("libm.so.6", ("GLIBC_2.39",)))

    assert told(placing(facts("libMIOpen.so.1", "libc.so.6", needed_versions=versions)), ground()) == [
        ("glibc", "it needs glibc 2.39, and this machine has 2.36")
    ]


@pytest.mark.parametrize(("glibc", "kinds"), [("2.36", []), ("2.41", ["stack"]), ("2.100", ["stack"]), ("", [])])
def test_an_executable_stack_is_a_problem_from_the_glibc_on_that_refuses_it(glibc: str, kinds: list[str]):
    new = placing(facts("libMIOpen.so.1", executable_stack=True))

    assert [kind for kind, _ in told(new, ground(glibc=glibc))] == kinds


def test_libraries_that_go_together_are_judged_together():
    hip = placing(
        facts("libamdhip64.so.7", defined_versions=("hip_7",)), facts("libamdhip64.so.7"), "libamdhip64.so"
    )
    user = placing(facts("libMIOpen.so.1", "libamdhip64.so.7", needed_versions=(("libamdhip64.so.7", ("hip_7",)),)))
    later = ground(HIP, TORCH).with_new([hip, user])

    assert [check_library(one, later) for one in (hip, user)] == [(), ()]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (facts("libMIOpen.so.1"), True),
        (facts(""), True),
        (LIBC, True),
        (facts("", interpreter="/lib64/ld-linux-x86-64.so.2"), False),
        (ElfFacts("EM_X86_64", "ET_EXEC", 64), False),
        (ElfFacts("EM_X86_64", "ET_REL", 64), False),
        (ElfFacts("EM_AMDGPU", "ET_DYN", 64, "kernels.co"), False),
        (None, False),
    ],
)
def test_programs_objects_and_code_for_a_gpu_are_no_libraries(one: ElfFacts | None, expected: bool):
    assert is_library(one) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("libMIOpen.so.1.0.60204", "libMIOpen"),
        ("libgomp-a34b3233.so.1", "libgomp"),
        ("libMIOpen.so.original", "libMIOpen.so.original"),
        ("", ""),
    ],
)
def test_the_stem_is_what_stays_from_release_to_release(name: str, expected: str):
    assert stem(name) == expected
