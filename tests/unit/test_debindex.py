"""The index that is ready at once."""

from __future__ import annotations

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.deb import read_packages
from rocmswitch.metadata.debindex import MAGIC, PackageIndex, encode_index
from rocmswitch.model.package import Digest, Package, Relation

SHA256 = "9e0b5aabb2465b3d2e7a7fe27f9913846277833f7a2826e7767acccff5b588c5"


def stanza(name: str, version: str = "1", **fields: str) -> str:
    every = {
        "Architecture": "amd64",
        "Filename": f"pool/{name}.deb",
        "Size": "10",
        "SHA256": SHA256,
        **{key.replace("_", "-"): value for key, value in fields.items()},
    }
    return f"Package: {name}\nVersion: {version}\n" + "".join(f"{key}: {value}\n" for key, value in every.items())


def encoded(*stanzas: str) -> bytes:
    return encode_index(read_packages([("\n".join(stanzas)).encode()], "amd64", "P"))


def index(*stanzas: str) -> PackageIndex:
    return PackageIndex(encoded(*stanzas), "3")


def test_a_package_is_found_with_all_that_is_needed_of_it() -> None:
    found = index(
        stanza(
            "hip",
            "5.2-1",
            Installed_Size="12",
            Pre_Depends="init",
            Depends="hsa (>= 5) | rocr",
            Provides="hip-runtime (= 5.2), amd",
            Conflicts="nvcc",
            Breaks="old (<< 5)",
        )
    ).candidates("hip")

    assert found == (
        Package(
            name="hip",
            version="5.2-1",
            architecture="amd64",
            filename="pool/hip.deb",
            size=10,
            digest=Digest("sha256", SHA256),
            installed_size=12 * 1024,
            source="3",
            depends=((Relation("init"),), (Relation("hsa", ">=", "5"), Relation("rocr"))),
            provides=(Relation("hip-runtime", "=", "5.2"), Relation("amd")),
            conflicts=(Relation("nvcc"),),
            breaks=(Relation("old", "<<", "5"),),
        ),
    )


def test_every_version_of_a_name_is_a_candidate_and_no_longer_name_is() -> None:
    offered = index(stanza("hip", "2"), stanza("hip-dev"), stanza("hip", "1"), stanza("hip5"), stanza("hi"))

    assert [one.version for one in offered.candidates("hip")] == ["1", "2"]


@pytest.mark.parametrize("name", ["", "a", "hi", "hip1", "zzz", "hip\t1"])
def test_an_unknown_name_has_no_candidates(name: str) -> None:
    assert index(stanza("hip"), stanza("hsa")).candidates(name) == ()


def test_an_empty_index_has_nothing() -> None:
    empty = index("")

    assert (len(empty), empty.candidates("hip"), empty.providers("hip")) == (0, (), ())


def test_providers_are_found_by_the_virtual_name() -> None:
    offered = index(
        stanza("postfix", Provides="mail-transport-agent"),
        stanza("exim", "1", Provides="mail-transport-agent (= 5), exim-virtual"),
        stanza("exim", "2"),
    )

    assert [str(one) for one in offered.providers("mail-transport-agent")] == ["exim 1", "postfix 1"]


def test_only_the_names_that_a_manifest_takes_are_there() -> None:
    offered = PackageIndex(encoded(stanza("a", Provides="v"), stanza("b", Provides="v")), only=("b",))

    assert (offered.candidates("a"), [one.name for one in offered.providers("v")]) == ((), ["b"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"SHA256": ""}, "has neither a SHA-256 nor a SHA-512 sum"),
        ({"SHA256": "", "SHA1": "a" * 40}, "has neither a SHA-256 nor a SHA-512 sum"),
        ({"SHA256": "xyz"}, "`xyz` is not a sha256 hash"),
        ({"Filename": "../../etc/passwd"}, "which is no path in a repository"),
        ({"Filename": "/etc/passwd"}, "which is no path in a repository"),
        ({"Filename": "pool//a.deb"}, "which is no path in a repository"),
        ({"Filename": "pool/./a.deb"}, "which is no path in a repository"),
        ({"Filename": "pool\\..\\a.deb"}, "which is no path in a repository"),
        ({"Filename": "pool/\x1b[2Ja.deb"}, "which is no path in a repository"),
        ({"Filename": "a" * 600}, "which is no path in a repository"),
        ({"Filename": ""}, "which is no path in a repository"),
        ({"Size": "-1"}, "has the size `-1`"),
        ({"Size": "9" * 14}, "has the size `99999999999999`"),
        ({"Size": "9" * 99999}, "has the size"),
        ({"Installed_Size": "much"}, "has the size `much`"),
        ({"Depends": "a ((("}, "is not a relation between packages"),
    ],
)
def test_an_entry_that_cannot_be_believed_is_refused_when_it_is_looked_at(
    fields: dict[str, str], message: str
) -> None:
    offered = index(stanza("good"), stanza("bad", **fields))

    assert len(offered.candidates("good")) == 1
    with pytest.raises(VerificationFailed) as caught:
        offered.candidates("bad")
    assert message in caught.value.message


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data.replace(b"index 1", b"index 0"),
        lambda data: MAGIC,
        lambda data: MAGIC + b"\xff" * 64,
    ],
    ids=["empty", "cut", "longer", "other version", "head only", "huge counts"],
)
def test_a_damaged_cache_is_no_index(damage: object) -> None:
    assert callable(damage)

    with pytest.raises(ValueError, match="not a"):
        PackageIndex(damage(encoded(stanza("hip"))))


def test_one_of_63_000_packages_is_found() -> None:
    data = encoded(*(stanza(f"package-{number}", Depends="libc6 (>= 2.34), " * 8) for number in range(63_000)))

    found = PackageIndex(data)

    assert [one.name for one in found.candidates("package-31415")] == ["package-31415"]
    assert (len(found), found.candidates("package-63000")) == (63_000, ())


def test_the_names_of_an_index_are_each_there_once_and_only_those_that_are_wanted():
    stanzas = [
        {b"Package": name, b"Version": version, b"SHA256": b"0" * 64, b"Size": b"1", b"Filename": b"pool/a"}
        for name, version in ((b"hipcc", b"1"), (b"rocminfo", b"1"), (b"hipcc", b"2"))
    ]
    data = encode_index(stanzas)

    assert list(PackageIndex(data).names()) == ["hipcc", "rocminfo"]
    assert list(PackageIndex(data, only=("hipcc",)).names()) == ["hipcc"]
