"""The manifests on disk: those that travel with rocmswitch, and the user's own."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, ManifestMistake, NotFound, Refused
from rocmswitch.host.libraries import HostLibraries, evidence
from rocmswitch.metadata.manifest import MANIFEST_SIZE_LIMIT, parse_root
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.stack import Stack
from rocmswitch.store.catalog import Catalog, Manifest, shipped_manifests

SHIPPED = Catalog(shipped_manifests())


def text(name: str, extra: str = "") -> str:
    return f'schema: 1\nname: {name}\nsummary: one\n{extra}rocm: {{version: "6.2.4", root: usr}}\n'


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Shipped, the user's, the machine's."""
    made = (tmp_path / "shipped", tmp_path / "user", tmp_path / "machine")
    for folder in made:
        folder.mkdir()
    (made[0] / "rocm-6.2.4.yaml").write_text(text("rocm-6.2.4"))
    return made


def test_a_manifest_is_read_with_its_file_and_hash(folders: tuple[Path, Path, Path]):
    shipped, *own = folders
    file = shipped / "rocm-6.2.4.yaml"

    manifest = Catalog(shipped, tuple(own)).read("rocm-6.2.4")

    assert manifest == Manifest(manifest.stack, file, hashlib.sha256(file.read_bytes()).hexdigest(), shipped=True)


def test_names_are_of_all_folders_that_there_are(folders: tuple[Path, Path, Path], tmp_path: Path):
    shipped, user, machine = folders
    (user / "mine-1.yaml").write_text(text("mine-1"))
    (machine / "ours-1.yaml").write_text(text("ours-1"))

    names = Catalog(shipped, (user, machine, tmp_path / "missing")).names()

    assert names == ("mine-1", "ours-1", "rocm-6.2.4")


def test_a_users_own_manifest_is_said_to_be_his(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "mine-1.yaml").write_text(text("mine-1"))

    assert not Catalog(shipped, (user,)).read("mine-1").shipped


def test_a_users_own_manifest_does_not_replace_a_shipped_one_in_silence(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "rocm-6.2.4.yaml").write_text(text("rocm-6.2.4"))

    with pytest.raises(Refused) as caught:
        Catalog(shipped, (user,)).read("rocm-6.2.4")

    assert (caught.value.message, caught.value.hint) == (
        f"{user}/rocm-6.2.4.yaml would replace {shipped}/rocm-6.2.4.yaml without saying so",
        "give the file and its stack another name, or write `replaces: rocm-6.2.4` into it",
    )


def test_a_manifest_that_says_so_replaces_the_shipped_one(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "rocm-6.2.4.yaml").write_text(text("rocm-6.2.4", "replaces: rocm-6.2.4\n"))

    manifest = Catalog(shipped, (user,)).read("rocm-6.2.4")

    assert (manifest.file.parent, manifest.shipped) == (user, False)


def test_the_users_folder_comes_before_the_machines(folders: tuple[Path, Path, Path]):
    shipped, user, machine = folders
    (user / "mine-1.yaml").write_text(text("mine-1", "replaces: mine-1\n"))
    (machine / "mine-1.yaml").write_text(text("mine-1"))

    assert Catalog(shipped, (user, machine)).read("mine-1").file.parent == user


def test_a_file_is_called_like_its_stack(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "mine-1.yaml").write_text(text("mine-2"))

    with pytest.raises(ManifestMistake) as caught:
        Catalog(shipped, (user,)).read("mine-1")

    assert caught.value.message == f"{user}/mine-1.yaml: the stack `mine-2` belongs in a file `mine-2.yaml`"


def test_a_broken_manifest_breaks_nothing_but_itself(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "broken.yaml").write_bytes(b"\0" * 100)
    catalog = Catalog(shipped, (user,))

    readable = catalog.read("rocm-6.2.4").stack.name
    with pytest.raises(ManifestMistake) as caught:
        catalog.read("broken")

    assert (catalog.names(), readable) == (("broken", "rocm-6.2.4"), "rocm-6.2.4")
    assert caught.value.message == f"{user}/broken.yaml:1: a control character stands in this line"


def test_all_that_can_be_read_comes_with_what_is_wrong_with_the_rest(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "broken.yaml").write_text("[")

    manifests, mistakes = Catalog(shipped, (user,)).read_all()

    assert [one.stack.name for one in manifests] == ["rocm-6.2.4"]
    assert [type(one) for one in mistakes] == [ManifestMistake]


def test_a_huge_file_is_not_read_whole(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    with (user / "huge.yaml").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(ManifestMistake, match=f"a manifest has at most {MANIFEST_SIZE_LIMIT} bytes"):
        Catalog(shipped, (user,)).read("huge")


def test_only_files_are_manifests(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "folder.yaml").mkdir()
    os.mkfifo(user / "pipe.yaml")
    (user / "nowhere.yaml").symlink_to("/nonexistent")
    (user / "notes.txt").write_text("")
    (user / ".hidden.yaml").write_text("")
    (user / "$(reboot).yaml").write_text("")

    assert Catalog(shipped, (user,)).names() == ("rocm-6.2.4",)


def test_an_unknown_name_is_not_found(folders: tuple[Path, Path, Path]):
    with pytest.raises(NotFound, match=r"no stack is called `rocm-1\.0\.0`"):
        Catalog(folders[0]).read("rocm-1.0.0")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads what nobody may read")
def test_a_file_that_may_not_be_read_is_reported_as_that(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (user / "mine-1.yaml").write_text(text("mine-1"))
    (user / "mine-1.yaml").chmod(0)

    with pytest.raises(Failed, match="cannot be read: Permission denied"):
        Catalog(shipped, (user,)).read("mine-1")


def test_a_lock_lies_beside_its_manifest(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (shipped / "rocm-6.2.4.lock").write_bytes(b"exact")
    (user / "mine-1.yaml").write_text(text("mine-1"))
    catalog = Catalog(shipped, (user,))

    assert (catalog.lock("rocm-6.2.4"), catalog.lock("mine-1")) == (b"exact", None)


def test_a_replaced_manifest_takes_its_lock_with_it(folders: tuple[Path, Path, Path]):
    shipped, user, _ = folders
    (shipped / "rocm-6.2.4.lock").write_bytes(b"exact")
    (user / "rocm-6.2.4.yaml").write_text(text("rocm-6.2.4", "replaces: rocm-6.2.4\n"))

    assert Catalog(shipped, (user,)).lock("rocm-6.2.4") is None


def test_the_stacks_of_the_first_release_are_shipped():
    assert set(SHIPPED.names()) >= {"debian-5.2.3", "rocm-5.2.0", "rocm-5.2.3", "rocm-6.2.4"}


@pytest.fixture(params=SHIPPED.names())
def stack(request: pytest.FixtureRequest) -> Stack:
    return SHIPPED.read(request.param).stack


def test_a_shipped_stack_is_named_by_its_version(stack: Stack):
    version = stack.name.partition("-")[2]

    assert stack.rocm.version in ((f"{version}.0",) if stack.name.startswith("therock-") else (version,))


def test_a_shipped_stack_of_amd_lies_where_amd_installs_it(stack: Stack):
    if stack.name.startswith("rocm-"):
        assert stack.rocm.root == f"opt/rocm-{stack.rocm.version}"


def test_the_places_in_a_shipped_environment_are_in_its_tree(stack: Stack):
    places = [value for value in stack.rocm.environment.values() if "/" in value]

    assert [one for one in places if not one.startswith(f"{{prefix}}/{stack.rocm.root}")] == []


def test_the_url_of_amds_repository_drops_a_trailing_zero_and_the_root_does_not():
    rocm = SHIPPED.read("rocm-5.2.0").stack.rocm

    assert (rocm.sources[0].url, rocm.sources[0].suite, rocm.root) == (
        "https://repo.radeon.com/rocm/apt/5.2",
        "ubuntu",
        "opt/rocm-5.2.0",
    )


def test_every_root_of_amd_carries_the_version_of_the_stack(stack: Stack):
    if not stack.name.startswith("rocm-"):
        return
    roots = [parse_root(root)[0] for name in SET_NAMES for root in getattr(stack.rocm.sets, name)]

    assert [root for root in roots if not root.endswith(stack.rocm.version)] == []


def test_wheels_of_a_shipped_stack_are_pinned_for_every_python(stack: Stack):
    if stack.wheels is None:
        return
    wanted = {
        (name.replace("-", "_"), version, "py3" if name == "pip" else tag)
        for tag in stack.wheels.python
        for name, version in {**stack.wheels.packages, **stack.wheels.python_packages.get(tag, {})}.items()
    }

    assert {tuple(file.split("-")[:3]) for file in stack.wheels.hashes} == wanted


@pytest.mark.parametrize(
    ("name", "gcc", "carried"),
    [
        ("debian-5.2.3", 12, False),
        ("debian-5.2.3", 16, True),
        ("debian-5.7.1", 16, True),
        ("debian-6.4.3", 16, False),
    ],
)
def test_a_machine_keeps_its_own_c_toolchain_where_the_stack_s_clang_can_read_its_headers(
    name: str, gcc: int, carried: bool, tmp_path: Path
):
    for path in ("include/stdio.h", f"include/c++/{gcc}/vector", f"lib/gcc/x86_64-linux-gnu/{gcc}/crtbegin.o"):
        (tmp_path / "usr" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "usr" / path).touch()
    table = SHIPPED.read(name).stack.rocm.host
    toolchain = [one for one in table if re.fullmatch(r"libc6-dev|lib(gcc|stdc\+\+)-\d+-dev", one)]

    found = evidence(table, toolchain, HostLibraries(tmp_path))

    assert (len(toolchain), len(found.lacking)) == (3, 3 if carried else 0)


def test_the_keys_of_debian_12_are_those_of_its_own_keyring():
    from pysequoia import Cert

    source = SHIPPED.read("debian-5.2.3").stack.rocm.sources[0]
    assert source.key is not None
    keyring = Path(source.key.keyring)
    if not keyring.is_file():
        pytest.skip(f"there is no {keyring} here")

    certificates = {one.fingerprint.upper(): str(one) for one in Cert.split_file(str(keyring))}

    assert set(source.key.fingerprints) <= set(certificates)
