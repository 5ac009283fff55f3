from __future__ import annotations

from rocmswitch.model.activation import Activation, Assignment
from rocmswitch.model.receipt import FileEntry
from rocmswitch.planning.activation import plan_activation, plan_venv_activation

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
