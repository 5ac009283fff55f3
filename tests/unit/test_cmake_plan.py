from __future__ import annotations

import pytest

from rocmswitch.model.activation import Activation
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.activation import CarriedLoader, plan_activation, stated

LIBRARIES = "usr/lib/x86_64-linux-gnu"
DEBIAN = (
    "usr/bin/hipcc",
    "usr/bin/clang++-15",
    "usr/lib/llvm-15/bin/clang++",
    f"{LIBRARIES}/libamdhip64.so",
    f"{LIBRARIES}/cmake/hip/hip-config.cmake",
)
ENVIRONMENT = (("ROCM_PATH", "{prefix}/usr"),)
NO_LOADER = CarriedLoader()


def planned(*paths: str, root: str = "usr", carried: CarriedLoader = NO_LOADER) -> Activation:
    entries = [FileEntry(path, "file", 0o644) for path in paths]
    return plan_activation("debian-5.2.3", root, ENVIRONMENT, entries, carried=carried)


def variables(activation: Activation) -> dict[str, str]:
    return dict(activation.resolve("/p").variables)


def test_cmake_and_pytorch_s_extensions_are_told_of_this_stack_and_of_no_other() -> None:
    activation = planned(*DEBIAN)

    found = {key: value for key, value in variables(activation).items() if not key.startswith(("HIPCC_", "ROCMSW"))}
    assert found == {
        "ROCM_PATH": "/p/usr",
        "ROCM_HOME": "/p/usr",
        "HIPCXX": "/p/usr/lib/llvm-15/bin/clang++",
        "CMAKE_C_IMPLICIT_LINK_DIRECTORIES_EXCLUDE": f"/p/{LIBRARIES}",
        "CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES_EXCLUDE": f"/p/{LIBRARIES}",
    }
    assert dict(activation.paths)["CMAKE_PREFIX_PATH"] == ("usr",)


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("opt/rocm-5.2.3", "opt/rocm-5.2.3/llvm/bin/clang++"),
        ("opt/rocm-7.2.4", "opt/rocm-7.2.4/lib/llvm/bin/clang++"),
        ("usr", "usr/lib/llvm-15/rocmswitch/clang++"),
    ],
)
def test_the_compiler_for_hip_is_the_tree_s_clang_or_what_runs_it_with_settings(root: str, path: str) -> None:
    activation = planned(f"{root}/bin/hipcc", "usr/lib/llvm-15/bin/clang++", path, root=root)

    assert variables(activation)["HIPCXX"] == f"/p/{path}"


def test_a_clang_of_the_carried_base_compiles_nothing_for_hip() -> None:
    assert "HIPCXX" not in variables(planned("usr/bin/hipcc", "base/usr/lib/llvm-15/bin/clang++"))


def test_a_tree_without_hipcc_says_nothing_to_builders() -> None:
    activation = planned(*DEBIAN[1:])

    assert not {"HIPCXX", "ROCM_HOME"} & variables(activation).keys()
    assert "CMAKE_PREFIX_PATH" not in dict(activation.paths)


def test_cmake_leaves_alone_where_programs_with_a_carried_c_library_look_for_theirs() -> None:
    carried = CarriedLoader("base/usr/lib/ld.so", ("base/usr/lib",))

    assert not [name for name in variables(planned(*DEBIAN, carried=carried)) if name.endswith("_EXCLUDE")]


def test_what_was_found_out_is_not_taken_for_the_manifest_s() -> None:
    assert stated(planned(*DEBIAN)) == ENVIRONMENT


@pytest.mark.parametrize("home", ["{prefix}/usr/lib/own", "/opt/own"])
def test_a_home_that_the_manifest_states_is_the_only_one_and_stays_its_own(home: str) -> None:
    environment = (*ENVIRONMENT, ("ROCM_HOME", home))

    activation = plan_activation("own-1.0", "usr", environment, [FileEntry(one, "file", 0o644) for one in DEBIAN])

    assert [value for name, value in activation.resolve("/p").variables if name == "ROCM_HOME"] == [
        home.replace("{prefix}", "/p")
    ]
    assert stated(activation) == environment
