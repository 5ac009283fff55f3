"""`rocmswitch manifest new`: a manifest from a live repository, of what is found there and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.stack import Stack
from rocmswitch.store.catalog import shipped_manifests
from tests.support.amdrepository import amd_driver_repository, amd_release
from tests.support.aptrepository import AptRepository
from tests.support.commandline import CommandLine
from tests.support.debs import Deb
from tests.support.keys import SigningKey
from tests.support.offloadbundles import code_object
from tests.support.rpmrepository import Rpm, RpmRepository
from tests.support.server import Server

APT, DRIVER, NEW, RPM = "rocm/apt/6.2.4", "amdgpu/6.2.4/ubuntu", "packages/ubuntu2404", "rocm/el9/6.2.4/main"
V = "6.2.4"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("amd")
    amd_release(folder, key, V, suite="noble")
    amd_release(folder, key, V, suite="jammy")
    amd_driver_repository(folder, key, V, suite="jammy", build="60204")
    new = AptRepository(folder / NEW, key, suite="stable").add(*therock("10.0"))
    new.publish()
    new.publish_key(folder / "gpg/packages.gpg")
    with Server(folder) as server:
        yield server


def therock(short: str) -> tuple[Deb, ...]:
    version = f"{short}.0-4"
    cards = [f"amdrocm{name}{short}-{card}" for card in ("gfx1100", "gfx90a") for name in ("", "-core-sdk")]
    return (
        Deb(f"amdrocm-runtime{short}", version, f"amdrocm-llvm{short}, libc6, libquadmath0"),
        Deb(f"amdrocm-llvm{short}", version, "libstdc++6"),
        Deb(f"amdrocm-runtime-dev{short}", version, f"amdrocm-runtime{short}"),
        *(Deb(one, version, f"amdrocm-runtime{short}") for one in cards),
    )


def made(line: CommandLine, *words: str, file: str = "mine.yaml") -> tuple[Stack, str, str]:
    """The stack, the text, and what was told."""
    path = line.folder / file
    done = line.run("manifest", "new", *words, "-o", str(path))
    assert done.code == 0, done
    text = path.read_text()
    line.succeed("manifest", "check", str(path))
    return parse_manifest(text.encode(), file), text, done.err


def shipped(name: str) -> Stack:
    return parse_manifest((shipped_manifests() / f"{name}.yaml").read_bytes(), name)


def test_amds_repository_gives_what_the_shipped_manifest_says_of_it(
    line: CommandLine, server: Server, key: SigningKey
) -> None:
    stack, text, told = made(line, "--from-repository", server.url(APT), "--key", key.fingerprint.lower())

    theirs = shipped(f"rocm-{V}").rocm
    assert stack.rocm.sets == theirs.sets
    assert (stack.rocm.version, stack.rocm.root) == (theirs.version, theirs.root)
    assert (stack.rocm.hip, stack.rocm.rocblas, stack.rocm.miopen) == (theirs.hip, theirs.rocblas, theirs.miopen)
    assert stack.rocm.sources[0].suite == {"jammy": "jammy", "noble": "noble", "default": "jammy"}
    assert stack.rocm.sources[0].key.fingerprints == (key.fingerprint,)
    assert stack.rocm.environment == theirs.environment
    assert set(stack.unverified) == {"rocm.root", "rocm.host", "rocm.host_only", "rocm.environment"}
    missing = "for which cards the libraries have kernels is not known without `--read-packages`: `gpus` is missing"
    assert f"note: {missing}\n" in told
    assert f"# {missing}\n" in text


def test_what_nobody_vouches_for_is_marked_all_over_and_its_key_is_told_but_not_written(
    line: CommandLine, server: Server, key: SigningKey
) -> None:
    stack, _, told = made(line, "--from-repository", server.url(APT))

    assert f"has the fingerprint {key.fingerprint}; nobody vouches for it: check it elsewhere" in told
    assert stack.rocm.sources[0].key.fingerprints == ()
    assert stack.rocm.sources[0].key.urls == (server.url("rocm/rocm.gpg.key"),)
    assert {"rocm.sources", "rocm.sets", "rocm.version", "rocm.hip"} <= set(stack.unverified)
    assert not line.layout.cache.exists() or not any(line.layout.cache.rglob("*InRelease*"))


def test_another_key_than_the_one_that_signs_is_refused(line: CommandLine, server: Server) -> None:
    words = ("--from-repository", server.url(APT), "--key", "A" * 40)

    failed = line.run("manifest", "new", *words, "-o", str(line.folder / "a.yaml"))

    assert failed.code == 4
    assert "cannot be verified" in failed.error
    assert not (line.folder / "a.yaml").exists()


def test_several_repositories_that_belong_together_make_one_stack_that_can_be_installed(
    line: CommandLine, server: Server, key: SigningKey
) -> None:
    """The dependency on libdrm is satisfied by the second one."""
    words = [word for path in (APT, DRIVER) for word in ("--from-repository", server.url(path))]
    stack, text, _ = made(
        line, *words, "--suite", "jammy", "--key", key.fingerprint, "--key-url", server.url("rocm/rocm.gpg.key")
    )
    manifest = yaml.safe_load(text)
    archive = manifest["rocm"]["sources"].pop()
    line.add_manifest("mine", yaml.safe_dump(manifest).encode())

    line.succeed("install", "mine", "--yes")

    assert [one.priority for one in stack.rocm.sources[:2]] == [500, 450]
    assert archive["archive"] == "debian", "what AMD's own manifests have behind their repositories"
    assert line.run("run", "mine", "--", "rocminfo").code == 42
    assert "libdrm-amdgpu-amdgpu1" in line.succeed("show", "mine", "--json")


def test_the_new_builds_are_known_by_their_names_and_their_cards(
    line: CommandLine, server: Server, key: SigningKey
) -> None:
    stack, _, told = made(line, "--from-repository", server.url(NEW), "--key", key.fingerprint)

    sets = stack.rocm.sets
    assert sets is not None
    assert (sets.runtime, sets.libraries, sets.developer) == (
        ("amdrocm-runtime10.0",),
        ("amdrocm10.0-{gpu}",),
        ("amdrocm-core-sdk10.0-{gpu}",),
    )
    assert (stack.rocm.version, stack.rocm.root) == ("10.0.0", "opt/rocm/core-10.0")
    assert set(stack.gpus) == {"gfx90a", "gfx1100"}
    assert "not in the set `compiler`: amdrocm-llvm-dev10.0" in told
    assert "nothing here shows that a machine has: libquadmath0" in told


def test_the_cards_are_read_from_the_package_of_rocblas_where_that_is_asked_for(
    line: CommandLine, server: Server, key: SigningKey
) -> None:
    library = f"opt/rocm-{V}/lib/rocblas/library"
    files = {
        f"{library}/Kernels.so-000-gfx1030.hsaco": code_object("gfx1030"),
        f"{library}/Kernels.so-000-gfx90a.hsaco": code_object("gfx90a"),
        f"{library}/TensileLibrary.dat": b"for all\n",
    }
    repository = AptRepository(server.folder / "kernels", key, suite="noble")
    runtime = Deb(f"rocm-hip-runtime{V}", "6.2.4.60204-139")
    repository.add(runtime, Deb(f"rocblas{V}", "4.2.4.60204-139", files=files)).publish()
    repository.publish_key(server.folder / "kernels/rocm.gpg.key")

    words = ("--from-repository", server.url("kernels"), "--key", key.fingerprint, "--read-packages")
    stack, _, told = made(line, *words)

    assert {card: gpu.support for card, gpu in stack.gpus.items()} == {"gfx90a": "reported", "gfx1030": "reported"}
    assert stack.gpus["gfx1030"].evidence == (f"kernels in rocblas{V} 4.2.4.60204-139",)
    assert "`gpus` is missing" not in told


def test_a_repository_of_rpm_is_told_by_its_repomd(
    line: CommandLine, server: Server, key: SigningKey, tmp_path: Path
) -> None:
    release = {"release": "139.el9"}
    meta = {"version": "6.2.4.60204", **release}
    repository = RpmRepository(server.folder / RPM, key, sign_packages=True)
    repository.add(
        Rpm(f"rocm-core{V}", requires=("libc.so.6(GLIBC_2.28)(64bit)", "/bin/sh"), **meta),
        Rpm(
            f"hip-runtime-amd{V}", version="6.2.41134.60204", requires=(f"rocm-core{V}", "numactl-libs"), **release
        ),
        Rpm(f"rocm-hip-runtime{V}", requires=(f"hip-runtime-amd{V}",), **meta),
        Rpm(f"rocm-hip-runtime-devel{V}", requires=(f"rocm-hip-runtime{V}",), **meta),
    )
    repository.publish()

    stack, _, told = made(line, "--from-repository", server.url(RPM), "--key", key.fingerprint)

    assert stack.rocm.sets is None
    assert stack.rocm.rpm_sets is not None
    assert stack.rocm.rpm_sets.runtime == (f"rocm-hip-runtime{V}",)
    assert stack.rocm.rpm_sets.compiler == (f"rocm-hip-runtime-devel{V}",)
    assert (stack.rocm.sources[0].kind, stack.rocm.hip) == ("rpm", "6.2.41134")
    assert f"not in the set `runtime`: rocminfo{V}" in told
    assert "/bin/sh" not in told


def test_a_file_that_is_there_is_not_written_over(line: CommandLine, server: Server) -> None:
    (line.folder / "mine.yaml").write_text("mine\n")

    failed = line.run("manifest", "new", "--from-repository", server.url(APT), "-o", str(line.folder / "mine.yaml"))

    assert (failed.code, (line.folder / "mine.yaml").read_text()) == (5, "mine\n")


def test_a_manifest_can_be_looked_at_without_a_file(line: CommandLine, server: Server, key: SigningKey) -> None:
    done = line.succeed(
        "manifest", "new", "--from-repository", server.url(APT), "--key", key.fingerprint, "-o", "-"
    )

    assert parse_manifest(done.encode(), "stdout").name == f"rocm-{V}"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--from-repository", "ftp://a.example/apt"], 2, "is no http or https URL"),
        (["--from-repository", "{server}apt", "--key", "CA8B"], 2, "is no fingerprint"),
        (["--from-repository", "{server}apt", "--name", "../x"], 2, "is not a name"),
        (["--from-repository", "{server}apt", "--from", "rocm-9.9"], 3, "rocm-9.9"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_server_is_asked(
    line: CommandLine, server: Server, words: list[str], code: int, message: str
) -> None:
    asked = len(server.requests)

    failed = line.run(
        "manifest", "new", *(one.format(server=server.url("")) for one in words), "-o", str(line.folder / "a.yaml")
    )

    assert (failed.code, len(server.requests)) == (code, asked)
    assert message in failed.error


def test_a_script_says_what_a_repository_has_that_our_manifest_says_otherwise(server: Server) -> None:
    scripts = Path(__file__).parents[2] / "scripts"
    command = [sys.executable, str(scripts / "stack_manifests.py"), "--compare"]

    same = subprocess.run([*command, f"rocm-{V}", server.url(APT)], capture_output=True, text=True, check=False)
    other = subprocess.run([*command, "rocm-6.2.2", server.url(APT)], capture_output=True, text=True, check=False)

    assert (same.returncode, same.stdout) == (0, "")
    assert other.returncode == 1
    assert other.stdout.splitlines()[0] == "rocm.version: `6.2.2` here, `6.2.4` there"
    assert "rocm.sets.compiler: `rocm-hip-runtime-dev6.2.2` here, `rocm-hip-runtime-dev6.2.4` there" in other.stdout
