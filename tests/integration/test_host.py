"""Facts about a machine, from its files: this one's, and small trees of files that stand for others."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.errors import ManifestMistake
from rocmswitch.host.facts import read_glibc, read_host
from rocmswitch.host.libraries import HostLibraries, evidence

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc to make libraries")
MULTIARCH = f"{os.uname().machine}-linux-gnu"


def file(root: Path, name: str, text: str = "") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def program(root: Path, name: str) -> Path:
    path = file(root, name, "#!/bin/sh\n")
    path.chmod(0o755)
    return path


def library(root: Path, name: str, *versions: str, flags: tuple[str, ...] = ()) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    script = file(root, f"build/{path.name}.map", "".join(f"{one} {{ global: *; }};\n" for one in versions))
    source = file(root, "build/empty.c", "int nothing;\n")
    extra = (f"-Wl,--version-script={script}",) if versions else ()
    subprocess.run(["gcc", "-shared", "-fPIC", "-nostdlib", "-o", path, source, *extra, *flags], check=True)
    return path


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this Python runs with another C library than glibc")
def test_this_machine_s_c_library_is_the_one_that_runs_programs():
    first_line = subprocess.run(
        ["ldd", "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]

    assert read_host().glibc == first_line.split()[-1]


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg to compare with")
def test_the_architecture_has_debian_s_name():
    said = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert read_host().architecture == said


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nVERSION_ID="12"\n', ("debian", (), "bookworm")),
        (
            'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n',
            ("linuxmint", ("ubuntu", "debian"), "noble"),
        ),
        (
            "ID=linuxmint\nID_LIKE=debian\nVERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm\n",
            ("linuxmint", ("debian",), "bookworm"),
        ),
        ('ID=fedora\nVERSION_ID=43\nVERSION_CODENAME=""\n', ("fedora", (), "")),
        ("ID=arch\n", ("arch", (), "")),
    ],
)
def test_a_distribution_is_named_by_its_os_release_file(tmp_path, release, expected):
    file(tmp_path, "etc/os-release", release)

    host = read_host(tmp_path)

    assert (host.distribution, host.like, host.codename) == expected


def test_os_release_is_looked_for_below_usr_too(tmp_path):
    file(tmp_path, "usr/lib/os-release", "ID=alpine\n")

    assert read_host(tmp_path).distribution == "alpine"


def test_a_machine_without_any_of_the_files_has_empty_facts(tmp_path):
    host = read_host(tmp_path)

    assert (host.distribution, host.like, host.codename, host.glibc) == ("", (), "", "")


@needs_gcc
@pytest.mark.parametrize(
    "content", [b"ID=deb\x80ian\n", b'ID="debian\n', b"\0" * 50], ids=["bytes", "quote", "zeros"]
)
def test_an_os_release_that_is_garbled_names_no_distribution(tmp_path, content):
    file(tmp_path, "etc/os-release").write_bytes(content)

    assert read_host(tmp_path).codename == ""


def test_another_root_s_c_library_is_read_from_its_banner(tmp_path):
    made = library(tmp_path, f"usr/lib/{MULTIARCH}/libc.so.6", "GLIBC_2.36")
    with made.open("ab") as end:
        end.write(b"GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\n")

    assert read_glibc(HostLibraries(tmp_path)) == "2.41"


@needs_gcc
def test_a_c_library_without_a_banner_is_known_by_its_newest_symbol_version(tmp_path):
    library(tmp_path, "lib64/libc.so.6", "GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.17", "GLIBC_PRIVATE")

    assert read_glibc(HostLibraries(tmp_path)) == "2.17"


@needs_gcc
def test_a_library_proves_its_soname_and_the_versions_that_it_defines(tmp_path):
    library(tmp_path, f"usr/lib/{MULTIARCH}/libstdc++.so.6", "GLIBCXX_3.4.29", "GLIBCXX_3.4.30")
    host = HostLibraries(tmp_path)

    assert host.lacks("libstdc++.so.6") is None
    assert host.lacks("libstdc++.so.6(GLIBCXX_3.4.30)") is None
    assert host.lacks("libstdc++.so.6(GLIBCXX_3.4.31)") == (
        f"`/usr/lib/{MULTIARCH}/libstdc++.so.6` does not define `GLIBCXX_3.4.31`"
    )
    assert host.lacks("libtinfo.so.5") == "the loader's folders have no `libtinfo.so.5`"


@needs_gcc
def test_folders_that_the_loader_is_configured_with_count(tmp_path):
    file(tmp_path, "etc/ld.so.conf", "include ld.so.conf.d/*.conf  # all of them\n/usr/local/cuda/lib\n")
    file(tmp_path, "etc/ld.so.conf.d/a.conf", "# a comment\n/srv/libraries\n")
    library(tmp_path, "srv/libraries/libx.so.1")
    library(tmp_path, "usr/local/cuda/lib/liby.so.1")
    library(tmp_path, "home/libz.so.1")
    host = HostLibraries(tmp_path)

    assert host.find("libx.so.1") == tmp_path / "srv/libraries/libx.so.1"
    assert host.find("liby.so.1") == tmp_path / "usr/local/cuda/lib/liby.so.1"
    assert host.find("libz.so.1") is None


@pytest.mark.parametrize(
    "line", ["/x\0y", "include /", "include", "include .", "include /x\0*", "include **/**", "include ../../*"]
)
def test_a_configuration_that_is_garbled_is_passed_over(tmp_path, line):
    file(tmp_path, "etc/ld.so.conf", f"{line}\n/opt/x/lib\n")
    (tmp_path / "opt/x/lib").mkdir(parents=True)

    assert tmp_path / "opt/x/lib" in HostLibraries(tmp_path).folders


def test_a_configuration_that_includes_itself_ends(tmp_path):
    file(tmp_path, "etc/ld.so.conf", "include /etc/ld.so.conf\n/srv/x\n")
    (tmp_path / "srv/x").mkdir(parents=True)

    assert tmp_path / "srv/x" in HostLibraries(tmp_path).folders


@needs_gcc
@pytest.mark.parametrize("folder", ["opt/rocm-5.2.3/lib", "opt/rocm/lib", "opt/amdgpu/lib/x86_64-linux-gnu"])
def test_foreign_rocm_trees_do_not_count(tmp_path, folder):
    file(tmp_path, "etc/ld.so.conf", f"/{folder}\n/srv/link\n")
    library(tmp_path, f"{folder}/libdrm.so.2")
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/link").symlink_to(f"/{folder}")

    assert HostLibraries(tmp_path).lacks("libdrm.so.2") == "the loader's folders have no `libdrm.so.2`"


@needs_gcc
def test_a_link_into_a_foreign_rocm_tree_does_not_count(tmp_path):
    library(tmp_path, "opt/rocm-6.2.4/lib/libdrm.so.2.4")
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/libdrm.so.2").symlink_to("/opt/rocm-6.2.4/lib/libdrm.so.2.4")

    assert HostLibraries(tmp_path).find("libdrm.so.2") is None


@needs_gcc
def test_a_library_for_another_processor_is_passed_over(tmp_path):
    foreign = library(tmp_path, "usr/lib64/libx.so.1")
    content = bytearray(foreign.read_bytes())
    content[18:20] = (0xF3).to_bytes(2, "little")  # e_machine: RISC-V
    foreign.write_bytes(content)
    ours = library(tmp_path, "usr/lib/libx.so.1")

    assert HostLibraries(tmp_path).find("libx.so.1") == ours


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_holds_nothing(tmp_path):
    closed = file(tmp_path, "srv/closed/libx.so.1").parent
    file(tmp_path, "etc/ld.so.conf", "/srv/closed\n")
    closed.chmod(0)

    found = HostLibraries(tmp_path).find("libx.so.1")
    closed.chmod(0o755)

    assert found is None


def test_a_text_file_with_a_library_s_name_is_no_library(tmp_path):
    file(tmp_path, "usr/lib/libx.so.1", "INPUT(libx.so.1)")

    assert HostLibraries(tmp_path).find("libx.so.1") is None


@needs_gcc
def test_links_are_followed_inside_the_root_that_they_belong_to(tmp_path):
    made = library(tmp_path, "usr/lib/libx.so.1.2")
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "usr/lib/libx.so.1").symlink_to("/lib/../lib/libx.so.1.2")

    assert HostLibraries(tmp_path).find("libx.so.1") == made


def test_a_link_that_leads_to_itself_is_nothing(tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/libx.so.1").symlink_to("libx.so.1")

    assert HostLibraries(tmp_path).find("libx.so.1") is None


@pytest.mark.parametrize("place", ["usr/bin/perl", "bin/perl", "usr/local/bin/perl", "usr/sbin/perl"])
def test_a_program_counts_wherever_the_default_path_finds_it(tmp_path, place):
    program(tmp_path, place)

    assert HostLibraries(tmp_path).lacks("bin/perl") is None


def test_a_program_that_cannot_be_run_does_not_count(tmp_path):
    file(tmp_path, "usr/bin/perl")

    assert HostLibraries(tmp_path).lacks("bin/perl") == "there is no `bin/perl` below /usr"


def test_a_program_behind_an_alternatives_link_is_looked_for_in_its_own_root(tmp_path):
    program(tmp_path, "usr/bin/perl5")
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    (tmp_path / "etc/alternatives/perl").symlink_to("/usr/bin/perl5")
    (tmp_path / "usr/bin/perl").symlink_to("/etc/alternatives/perl")
    (tmp_path / "usr/bin/awk").symlink_to("/etc/alternatives/awk")
    host = HostLibraries(tmp_path)

    assert host.lacks("bin/perl") is None
    assert host.lacks("bin/awk") == "there is no `bin/awk` below /usr"


def test_a_path_with_a_star_is_proven_by_any_match(tmp_path):
    file(tmp_path, "usr/include/c++/12/vector")
    host = HostLibraries(tmp_path)

    assert host.lacks("include/c++/*/vector") is None
    assert host.lacks("include/c++/*/map") == "there is no `include/c++/*/map` below /usr"


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (["12"], None),
        (["9", "15.2.1", "v1"], None),
        (["14", "16"], "`include/c++/*/vector` below /usr is of version 16, and has to be older than 16"),
        (["16.1.1", "9"], "`include/c++/*/vector` below /usr is of version 16.1.1, and has to be older than 16"),
        (["v1"], "`include/c++/*/vector` below /usr has no version"),
        ([], "there is no `include/c++/*/vector` below /usr"),
    ],
)
def test_a_path_with_a_bound_is_proven_by_the_newest_match_because_a_compiler_takes_that(tmp_path, versions, why):
    for one in versions:
        file(tmp_path, f"usr/include/c++/{one}/vector")

    assert HostLibraries(tmp_path).lacks("include/c++/*/vector (<< 16)") == why


def test_the_bound_of_a_path_is_for_its_last_star(tmp_path):
    file(tmp_path, "usr/lib/gcc/x86_64-linux-gnu/15/crtbegin.o")

    assert HostLibraries(tmp_path).lacks("lib/gcc/*/*/crtbegin.o (<< 16)") is None


@pytest.mark.parametrize("proof", ["/etc/passwd", "../etc/passwd", "perl", "libx.so.1(A)(B)", ""])
def test_what_is_no_proof_is_a_mistake_in_the_manifest(tmp_path, proof):
    with pytest.raises(ManifestMistake):
        HostLibraries(tmp_path).lacks(proof)


def test_evidence_is_gathered_for_the_packages_that_are_asked_about_and_listed(tmp_path):
    program(tmp_path, "usr/bin/perl")
    table = {"perl": ("bin/perl",), "file": ("bin/file", "bin/perl"), "kmod": (), "binutils": ("bin/ld",)}

    found = evidence(table, ["perl", "file", "kmod", "hip"], HostLibraries(tmp_path))

    assert found.proven == (("kmod", "nothing here runs it"), ("perl", "bin/perl"))
    assert found.lacking == (("file", "there is no `bin/file` below /usr"),)
