from __future__ import annotations

from rocmswitch.model.activation import Activation, Assignment, CardVariable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.stack import Gpu
from rocmswitch.planning.activation import CarriedLoader, card_variables, plan_activation, plan_venv_activation

ENTRIES = [
    FileEntry("usr/bin/hipcc", "file", 0o755),
    FileEntry("usr/lib/x86_64-linux-gnu/libamdhip64.so", "link", 0o777),
]


def test_a_prefix_puts_its_tools_and_linker_names_first() -> None:
    activation = plan_activation("debian-5.2.3", "usr", [("HIP_PATH", "{prefix}/usr")], ENTRIES)

    assert activation == Activation(
        (
            Assignment("ROCMSWITCH_ACTIVE", "debian-5.2.3"),
            Assignment("HIP_PATH", "usr", under_root=True),
            Assignment("HIPCC_LINK_FLAGS_APPEND", "-Wl,-rpath,{prefix}/usr/lib/x86_64-linux-gnu"),
        ),
        (("PATH", ("usr/bin",)), ("LIBRARY_PATH", ("usr/lib/x86_64-linux-gnu",))),
    )


def test_an_environment_goes_before_the_prefix_that_it_is_bound_to() -> None:
    prefix = plan_activation("debian-5.2.3", "usr", [("HIP_PATH", "{prefix}/usr")], ENTRIES).resolve("/p")
    inside = plan_venv_activation("demo").resolve("/v").over(prefix)

    assert inside.applied_to({"PATH": "/bin", "LIBRARY_PATH": ""}) == {
        "ROCMSWITCH_ACTIVE": "demo",
        "HIP_PATH": "/p/usr",
        "HIPCC_LINK_FLAGS_APPEND": "-Wl,-rpath,/p/usr/lib/x86_64-linux-gnu",
        "VIRTUAL_ENV": "/v",
        "PATH": "/v/bin:/p/usr/bin:/bin",
        "LIBRARY_PATH": "/p/usr/lib/x86_64-linux-gnu",
    }


def file(path: str) -> FileEntry:
    return FileEntry(path, "file", 0o644)


TOOLCHAIN = (
    file("base/usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o"),
    file("base/usr/lib/x86_64-linux-gnu/crt1.o"),
    file("base/usr/include/stdio.h"),
)
INCLUDES = "-idirafter {prefix}/base/usr/include/x86_64-linux-gnu -idirafter {prefix}/base/usr/include"
RPATH = "-Wl,-rpath,{prefix}/usr/lib/x86_64-linux-gnu"


def flags(*entries: FileEntry, environment: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    activation = plan_activation("debian-5.2.3", "usr", environment, entries)
    return {one.name.split("_")[1]: one.value for one in activation.assignments if one.name.startswith("HIPCC_")}


def test_hipcc_compiles_and_links_with_the_toolchain_that_is_carried() -> None:
    carried, library = "{prefix}/base/usr", "{prefix}/base/usr/lib/x86_64-linux-gnu"

    assert flags(*ENTRIES, *TOOLCHAIN) == {
        "COMPILE": f"--gcc-toolchain={carried} {INCLUDES}",
        "LINK": f"{RPATH} --gcc-toolchain={carried} -B{library} -L{library}",
    }


def test_carried_libraries_of_an_older_layout_are_linked_with_too() -> None:
    found = flags(*ENTRIES, *TOOLCHAIN, file("base/lib/x86_64-linux-gnu/libz.so.1"))

    assert found["LINK"].endswith(" -L{prefix}/base/lib/x86_64-linux-gnu")


def test_carried_libraries_alone_are_no_toolchain() -> None:
    assert flags(*ENTRIES, file("base/usr/lib/x86_64-linux-gnu/libelf.so.1")) == {"LINK": RPATH}


def test_programs_find_the_libraries_of_a_carried_compiler_when_they_run() -> None:
    found = flags(*ENTRIES, file("base/runtime/libatomic.so.1"))

    assert found == {"LINK": f"{RPATH} -Wl,-rpath,{{prefix}}/base/runtime"}


def test_flags_that_a_manifest_sets_are_its_own() -> None:
    own = (("HIPCC_LINK_FLAGS_APPEND", "-lm"),)

    assert flags(*ENTRIES, *TOOLCHAIN, environment=own)["LINK"] == "-lm"


def test_a_tree_without_hipcc_sets_no_flags_for_it() -> None:
    assert flags(ENTRIES[1], *TOOLCHAIN) == {}


def test_carried_tools_come_after_the_tree_s_own() -> None:
    tools = (file("base/usr/bin/ld"), FileEntry("base/tools/ld", "link", 0o777, target="../usr/bin/ld"))
    activation = plan_activation("debian-5.2.3", "usr", (), (*ENTRIES, *tools))

    assert dict(activation.paths)["PATH"] == ("usr/bin", "base/tools")


MODULE = file("base/usr/share/perl5/File/Which.pm")


def test_the_machine_s_perl_finds_carried_modules() -> None:
    assert plan_activation("debian-5.2.3", "usr", (), [MODULE]).paths == (("PERL5LIB", ("base/usr/share/perl5",)),)


def test_modules_are_not_offered_to_another_perl_where_scripts_run_with_the_carried_one() -> None:
    assert plan_activation("debian-5.2.3", "usr", (), [MODULE, file("base/tools/rocmswitch-perl")]).paths == (
        ("PATH", ("base/tools",)),
    )


CARDS = (
    CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
    CardVariable("gfx1010", "MIOPEN_FIND_MODE", "1", "rdna1-safe"),
    CardVariable("gfx1030", "HSA_ENABLE_SDMA", "0"),
)


def test_what_a_manifest_says_of_its_cards_is_kept_by_card_and_profile() -> None:
    gpus = {
        "gfx1030": Gpu(support="official", environment={"HSA_ENABLE_SDMA": "0"}),
        "gfx90a": Gpu(support="official"),
        "gfx1010": Gpu(
            support="partial",
            environment={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"},
            profiles={"rdna1-safe": {"MIOPEN_FIND_MODE": "1"}},
        ),
    }

    assert card_variables(gpus) == CARDS


def test_a_prefix_keeps_the_variables_of_its_cards() -> None:
    assert plan_activation("rocm-6.2.4", "opt/rocm-6.2.4", (), ENTRIES, CARDS).cards == CARDS


def test_a_protected_environment_binds_uv_to_its_constraints_and_has_no_other_python_s_home() -> None:
    activation = plan_venv_activation("demo", protected=True, cards=CARDS)

    assert activation == Activation(
        (
            Assignment("ROCMSWITCH_ACTIVE", "demo"),
            Assignment("VIRTUAL_ENV", "", under_root=True),
            Assignment("UV_CONSTRAINT", "constraints.txt", under_root=True),
        ),
        (("PATH", ("bin",)),),
        CARDS,
        ("PYTHONHOME",),
    )


def test_the_tree_inside_an_environment_is_named_from_its_root() -> None:
    inside = "{prefix}/lib/python3.12/site-packages/_rocm_sdk_core"
    activation = plan_venv_activation("demo", environment=(("ROCM_PATH", inside),))

    assert dict(activation.resolve("/v").variables)["ROCM_PATH"] == inside.replace("{prefix}", "/v")


def test_what_hipcc_makes_starts_by_a_carried_loader_wherever_it_is_run() -> None:
    libraries = "base/usr/lib/x86_64-linux-gnu"
    carried = CarriedLoader(f"{libraries}/ld-linux-x86-64.so.2", (libraries, "usr/lib/x86_64-linux-gnu"))
    entries = [*ENTRIES, *TOOLCHAIN, file("base/tools/ld"), FileEntry("base/tools", "directory", 0o755)]

    activation = plan_activation("debian-7.2.4", "usr", (), entries, carried=carried)

    flags = {one.name: one.value.split() for one in activation.assignments}
    assert flags["HIPCC_COMPILE_FLAGS_APPEND"][0] == "--sysroot={prefix}/base"
    assert flags["HIPCC_LINK_FLAGS_APPEND"][:-1] == [
        "--sysroot={prefix}/base",
        "-B{prefix}/base/tools",
        f"-Wl,--dynamic-linker={{prefix}}/{libraries}/ld-linux-x86-64.so.2",
        "-Wl,--disable-new-dtags",
        "-Wl,-rpath,{prefix}/usr/lib/x86_64-linux-gnu",
        f"-Wl,-rpath,{{prefix}}/{libraries}",
        "-Wl,-rpath-link,{prefix}/usr/lib/x86_64-linux-gnu",
        f"-Wl,-rpath-link,{{prefix}}/{libraries}",
    ]


def test_what_a_carried_toolchain_lacks_hipcc_takes_from_the_machine_behind_all_that_is_carried() -> None:
    libraries = "base/usr/lib/x86_64-linux-gnu"
    carried = CarriedLoader(f"{libraries}/ld-linux-x86-64.so.2", (libraries,))

    activation = plan_activation("debian-7.2.4", "usr", (), [*ENTRIES, *TOOLCHAIN], carried=carried)

    flags = {one.name: one.value.split(" ", 1)[1] for one in activation.assignments if one.name.startswith("HIPCC")}
    assert flags["HIPCC_COMPILE_FLAGS_APPEND"] == (
        "-idirafter /usr/local/include -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include"
    )
    # As options of the linker: clang puts a -L of its own before the folders of the toolchain.
    assert flags["HIPCC_LINK_FLAGS_APPEND"].endswith(
        " -Wl,-L/usr/local/lib,-L/usr/lib/x86_64-linux-gnu,-L/usr/lib64"
    )


def test_hipcc_takes_a_carried_linker_that_is_not_on_the_path() -> None:
    libraries = "base/usr/lib/x86_64-linux-gnu"
    carried = CarriedLoader(f"{libraries}/ld-linux-x86-64.so.2", (libraries,))
    entries = [*ENTRIES, file("base/linker/ld"), file("base/tools/rocmswitch-python")]

    activation = plan_activation("debian-7.2.4", "usr", (), entries, carried=carried)

    (linking,) = (one.value for one in activation.assignments if one.name == "HIPCC_LINK_FLAGS_APPEND")
    assert "-B{prefix}/base/linker " in linking
    assert dict(activation.paths)["PATH"] == ("usr/bin", "base/tools")


def test_no_folder_with_a_carried_c_library_is_in_a_variable_that_every_program_reads() -> None:
    libraries = "base/usr/lib/x86_64-linux-gnu"
    carried = CarriedLoader(f"{libraries}/ld-linux-x86-64.so.2", (libraries,))

    activation = plan_activation(
        "debian-7.2.4", "usr", (), [*ENTRIES, file(f"{libraries}/libc.so.6")], carried=carried
    )

    assert dict(activation.paths) == {"PATH": ("usr/bin",), "LIBRARY_PATH": ("usr/lib/x86_64-linux-gnu",)}
