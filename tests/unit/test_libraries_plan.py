"""What is loaded twice, from where, and why: judged from maps, ELF facts and an environment."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.symptoms import Clash, Copy
from rocmswitch.planning.libraries import Mapped, foresee, judge, library_of, parse_maps
from rocmswitch.planning.loader import Files, Origin, Search, find, parse_cache

TREE = "/data/venvs/.trees/demo-0123456789ab"
BUNDLE = f"{TREE}/lib/python3.10/site-packages/torch/lib"
TORCH, HIP = f"{BUNDLE}/libtorch_hip.so", f"{BUNDLE}/libamdhip64.so"
OTHER = "/opt/rocm/lib"
OTHER_HIP = f"{OTHER}/libamdhip64.so.5.2.50200"


def library(soname: str = "", *needed: str, **more: object) -> ElfFacts:
    return ElfFacts("EM_X86_64", "ET_DYN", 64, soname, needed, **more)  # type: ignore[arg-type]


def disk(facts: Mapping[str, ElfFacts], links: Mapping[str, str] | None = None) -> Files:
    """Files with these *facts*, and symbolic links to them."""

    def real(path: str) -> str:
        target = (links or {}).get(path, path)
        return target if target in facts else ""

    return Files(real, facts.get)


def mapped(*paths: str) -> tuple[Mapped, ...]:
    return tuple(Mapped(path, f"fe:00:{number}") for number, path in enumerate(paths))


def bundle(**search_path: str) -> dict[str, ElfFacts]:
    """A torch whose libraries lie beside one another, as its wheel brings them, and another ROCm."""
    return {
        TORCH: library("libtorch_hip.so", "libamdhip64.so", **search_path),
        HIP: library("libamdhip64.so"),
        OTHER_HIP: library("libamdhip64.so.5"),
    }


LINKS = {f"{OTHER}/libamdhip64.so": OTHER_HIP, f"{OTHER}/libamdhip64.so.5": OTHER_HIP}


def test_one_copy_from_the_own_tree_is_no_clash():
    files = disk(bundle(rpath="$ORIGIN"))

    assert judge(mapped(TORCH, HIP), (TREE,), Search(), files) == ()


def test_two_copies_are_a_clash_and_each_says_what_led_to_it():
    facts = bundle(rpath="$ORIGIN") | {"/x/plugin.so": library("", "libamdhip64.so.5")}

    found = judge(
        mapped(TORCH, HIP, "/x/plugin.so", OTHER_HIP), (TREE,), Search(library_path=(OTHER,)), disk(facts, LINKS)
    )

    assert found == (
        Clash(
            "copies",
            "libamdhip64",
            (
                Copy(HIP, f"DT_RPATH of {TORCH}"),
                Copy(OTHER_HIP, "LD_LIBRARY_PATH, needed by /x/plugin.so"),
            ),
        ),
    )


def test_a_bundle_with_runpath_is_shadowed_by_the_library_path():
    files = disk(bundle(runpath="$ORIGIN"), LINKS)

    found = judge(mapped(TORCH, OTHER_HIP), (TREE,), Search(library_path=(OTHER,)), files)

    assert found == (Clash("foreign", "libamdhip64", (Copy(OTHER_HIP, f"LD_LIBRARY_PATH, needed by {TORCH}"),)),)


@pytest.mark.parametrize("preload", [OTHER_HIP, f"{OTHER}/libamdhip64.so", "libamdhip64.so.5"])
def test_a_preloaded_library_is_named_as_such(preload: str):
    files = disk(bundle(rpath="$ORIGIN"), LINKS)

    (clash,) = judge(mapped(TORCH, OTHER_HIP), (TREE,), Search(preload=(preload,)), files)

    assert clash.files == (Copy(OTHER_HIP, "LD_PRELOAD"),)


def test_an_inherited_rpath_is_named_with_the_file_that_states_it():
    facts = {
        "/x/python": library("", "libtorch_hip.so", rpath=OTHER),
        TORCH: library("libtorch_hip.so", "libamdhip64.so"),
        OTHER_HIP: library("libamdhip64.so.5"),
    }

    (clash,) = judge(mapped("/x/python", TORCH, OTHER_HIP), (TREE,), Search(), disk(facts, LINKS))

    assert clash.files == (Copy(OTHER_HIP, f"DT_RPATH of /x/python, needed by {TORCH}"),)


def test_the_loaders_cache_is_named():
    files = disk(bundle(), LINKS)
    search = Search(cache={"libamdhip64.so": f"{OTHER}/libamdhip64.so"})

    (clash,) = judge(mapped(TORCH, OTHER_HIP), (TREE,), search, files)

    assert clash.files == (Copy(OTHER_HIP, f"the loader's cache (/etc/ld.so.cache), needed by {TORCH}"),)


def test_a_library_that_no_header_asks_for_was_opened():
    facts = {OTHER_HIP: library("libamdhip64.so.5"), "/x/python": library()}

    (clash,) = judge(mapped("/x/python", OTHER_HIP), (TREE,), Search(), disk(facts, LINKS))

    assert clash.files == (Copy(OTHER_HIP, "its own path, opened while the program ran"),)


def test_a_module_whose_search_path_leads_to_what_it_opens_is_named():
    path = f"{OTHER}/libamdhip64.so"
    facts = {path: library("libamdhip64.so"), "/x/module.so": library("", rpath=OTHER)}

    (clash,) = judge(mapped("/x/module.so", path), (TREE,), Search(), disk(facts))

    assert clash.files == (Copy(path, "DT_RPATH of /x/module.so, opened while the program ran"),)


@pytest.mark.parametrize(
    "path", ["/opt/rocm-patched/lib/libmine.so", "/data/prefixes/.trees/rocm-5.2.0-ab/lib/x.so"]
)
def test_anything_of_another_stack_is_told(path: str):
    facts = bundle(rpath="$ORIGIN") | {path: library("libmine.so")}

    found = judge(mapped(TORCH, HIP, path), (TREE,), Search(), disk(facts), ("/data/prefixes/",))

    why = "its own path, opened while the program ran"
    assert found == (Clash("foreign", path.rpartition("/")[2], (Copy(path, why),)),)


def test_what_belongs_to_no_stack_is_nobodys_business():
    files = disk(bundle(rpath="$ORIGIN"))

    assert judge(mapped(TORCH, HIP, "/usr/lib/libc.so.6", "/opt/mine/lib/x.so"), (TREE,), Search(), files) == ()


def test_an_interpreter_that_was_fetched_for_all_users_belongs_to_no_stack():
    python = "/opt/rocmswitch/pythons/cpython-3.10/bin/python3.10"
    files = disk(bundle(rpath="$ORIGIN"))

    assert judge(mapped(python, TORCH, HIP), (TREE,), Search(), files, ("/opt/rocmswitch/prefixes/",)) == ()


def test_one_file_under_two_names_is_one_copy():
    twice = (Mapped(HIP, "fe:00:7"), Mapped(f"{TREE}/other/libamdhip64.so", "fe:00:7"))

    assert judge(twice, (TREE,), Search(), disk({})) == ()


def test_libraries_that_need_one_another_in_a_ring_are_followed_once():
    facts = {
        "/x/a.so": library("a.so", "b.so"),
        "/x/b.so": library("b.so", "a.so", "libamdhip64.so.5"),
        OTHER_HIP: library("libamdhip64.so.5"),
    }

    (clash,) = judge(mapped(*facts), (TREE,), Search(), disk(facts))

    assert clash.kind == "foreign"


def test_maps_are_read_with_blanks_newlines_and_deleted_files_in_them():
    text = (
        "7f00-7f01 r--p 00000000 fe:00 12                     /a b/libx.so\n"
        "7f01-7f02 r-xp 00001000 fe:00 12                     /a b/libx.so\n"
        "7f02-7f03 r--p 00000000 fe:00 13                     /gone/libamdhip64.so (deleted)\n"
        "7f03-7f04 r--p 00000000 fe:00 14                     /new\\012line.so\n"
        "7f04-7f05 rw-p 00000000 00:00 0                      [heap]\n"
        "7f05-7f06 rw-p 00000000 00:00 0\n"
        "nonsense\n"
    )

    assert parse_maps(text) == (
        Mapped("/a b/libx.so", "fe:00:12"),
        Mapped("/gone/libamdhip64.so (deleted)", "fe:00:13"),
        Mapped("/new\nline.so", "fe:00:14"),
    )


@pytest.mark.parametrize(
    ("path", "library"),
    [
        ("/x/libamdhip64.so", "libamdhip64"),
        ("/x/libamdhip64.so.6.2.41134", "libamdhip64"),
        ("/x/libamdhip64-0a1b2c3d.so.5", "libamdhip64"),
        ("/x/libhsa-runtime64.so.1 (deleted)", "libhsa-runtime64"),
        ("/x/libMIOpen.so.1", "libMIOpen"),
        ("/x/libamdhip64.so.original", ""),
        ("/x/libtorch_hip.so", ""),
        ("/x/libc.so.6", ""),
    ],
)
def test_a_library_is_known_by_its_file(path: str, library: str):
    assert library_of(path) == library


def test_a_bundle_with_rpath_cannot_be_shadowed():
    files = disk(bundle(rpath="$ORIGIN"), LINKS)

    assert foresee((TORCH,), (TREE,), Search(library_path=(OTHER,)), files) == ()


def test_a_bundle_with_runpath_is_foreseen_to_be_shadowed_with_the_symbols_that_it_would_lack():
    facts = bundle() | {
        TORCH: library(
            "libtorch_hip.so",
            "libamdhip64.so",
            runpath="${ORIGIN}",
            needed_versions=(("libamdhip64.so", ("hip_4.2", "hip_6.0")),),
        ),
        OTHER_HIP: library("libamdhip64.so.5", defined_versions=("hip_4.2",)),
    }

    found = foresee((TORCH,), (TREE,), Search(library_path=(OTHER,)), disk(facts, LINKS))

    told = f"LD_LIBRARY_PATH, needed by {TORCH}; it lacks hip_6.0"
    assert found == (Clash("foreign", "libamdhip64", (Copy(OTHER_HIP, told),)),)


def test_a_preloaded_library_is_foreseen_whatever_the_bundle_says():
    files = disk(bundle(rpath="$ORIGIN"), LINKS)
    search = Search(preload=(f"{OTHER}/libamdhip64.so", "/x/libjemalloc.so"))

    found = foresee((TORCH,), (TREE,), search, files)

    assert found == (Clash("foreign", "libamdhip64", (Copy(OTHER_HIP, "LD_PRELOAD"),)),)


def test_runpath_is_not_inherited():
    facts = {
        "/x/program": library("", "liba.so", runpath=OTHER),
        "/x/liba.so": library("liba.so", "libamdhip64.so.5"),
        OTHER_HIP: library("libamdhip64.so.5"),
    }

    assert find("libamdhip64.so.5", ("/x/liba.so", "/x/program"), Search(), disk(facts, LINKS)) is None


def test_a_runpath_switches_off_the_rpath_of_the_same_file():
    facts = {"/x/a.so": library("", rpath="/one", runpath="/two"), "/one/b": library(), "/two/b": library()}

    assert find("b", ("/x/a.so",), Search(), disk(facts)) == Origin("/two/b", "DT_RUNPATH of /x/a.so")


def test_the_environment_is_read_as_the_loader_reads_it():
    environment = {"LD_LIBRARY_PATH": ":/a;/b:", "LD_PRELOAD": " x.so:/y.so  z.so"}

    search = Search.of(environment)

    assert (search.library_path, search.preload) == (("/a", "/b"), ("x.so", "/y.so", "z.so"))


def test_the_cache_of_the_loader_is_read_without_32_bit_libraries():
    listing = (
        "2 libs found in cache `/etc/ld.so.cache'\n"
        "\tlibx.so.1 (libc6) => /usr/lib32/libx.so.1\n"
        "\tlibx.so.1 (libc6,x86-64) => /usr/lib/libx.so.1\n"
        "\tlibx.so.1 (libc6,x86-64) => /later/libx.so.1\n"
        "Cache generated by: ldconfig (Debian GLIBC 2.36-9) stable release version 2.36\n"
    )

    assert parse_cache(listing) == {"libx.so.1": "/usr/lib/libx.so.1"}
