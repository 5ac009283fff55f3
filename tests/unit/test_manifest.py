"""What a manifest says, and what is said about one that is wrong."""

from __future__ import annotations

import itertools

import pytest

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.manifest import MANIFEST_SIZE_LIMIT, parse_manifest
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Glibc, Gpu, Pytorch, Rocm, Stack

OVERRIDE = "f.yaml:29: `gpus.gfx1010.environment.HSA_OVERRIDE_GFX_VERSION`: "
SUPPORT = "community, none, official, partial, reported, unknown"

SMALL = """\
schema: 1
name: rocm-6.2.4
summary: one
rocm:
  version: "6.2.4"
  root: opt/rocm-6.2.4
"""

WHOLE = """\
schema: 1
name: rocm-6.2.4
summary: ROCm 6.2.4
released: "2024-11-06"
rocm:
  version: "6.2.4"
  root: opt/rocm-6.2.4
  hip: "6.2.41134"
  sources:
    - kind: apt
      url: https://repo.radeon.com/rocm/apt/6.2.4
      suite: {noble: noble, default: jammy}
      key: {url: https://repo.radeon.com/rocm/rocm.gpg.key, fingerprint: CA8BB4727A47B4D09B4EE8969386B48A1A693C5C}
  sets:
    runtime: ["rocm-hip-runtime6.2.4 (>= 6.2, << 6.3)"]
  host: {libc6: [libc.so.6], libstdc++6: ["libstdc++.so.6(GLIBCXX_3.4.30)"], kmod: []}
  host_only: [libc6]
  environment: {HIP_PLATFORM: amd}
pytorch:
  - torch: 2.7.1+rocm6.2.4
    index: https://download.pytorch.org/whl/rocm6.2.4
    python: [cp312, cp313t]
    wheels: {pytorch-triton-rocm: 3.3.1}
    constraints: [numpy<2]
    glibc: {min: "2.28"}
gpus:
  gfx1010:
    support: partial
    environment: {HSA_OVERRIDE_GFX_VERSION: "10.3.0"}
    convolutions: fallback
    known_bad: [conv2d]
    evidence: [ROCm/ROCm#2527]
unverified: [rocm.hip, "pytorch[0].wheels"]
"""


def mistake(text: str | bytes) -> str:
    with pytest.raises(ManifestMistake) as caught:
        parse_manifest(text if isinstance(text, bytes) else text.encode(), "f.yaml")
    return caught.value.message


def changed(old: str, new: str, text: str = WHOLE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_a_manifest_becomes_one_typed_value():
    stack = parse_manifest(WHOLE.encode(), "f.yaml")

    assert stack == Stack(
        schema=1,
        name="rocm-6.2.4",
        summary="ROCm 6.2.4",
        released="2024-11-06",
        rocm=Rocm(
            version="6.2.4",
            root="opt/rocm-6.2.4",
            hip="6.2.41134",
            sources=(
                Source(
                    kind="apt",
                    url="https://repo.radeon.com/rocm/apt/6.2.4",
                    suite={"noble": "noble", "default": "jammy"},
                    key=Key(
                        url="https://repo.radeon.com/rocm/rocm.gpg.key",
                        fingerprint="CA8BB4727A47B4D09B4EE8969386B48A1A693C5C",
                    ),
                ),
            ),
            sets=Sets(runtime=("rocm-hip-runtime6.2.4 (>= 6.2, << 6.3)",)),
            host={"libc6": ("libc.so.6",), "libstdc++6": ("libstdc++.so.6(GLIBCXX_3.4.30)",), "kmod": ()},
            host_only=("libc6",),
            environment={"HIP_PLATFORM": "amd"},
        ),
        pytorch=(
            Pytorch(
                torch="2.7.1+rocm6.2.4",
                index="https://download.pytorch.org/whl/rocm6.2.4",
                python=("cp312", "cp313t"),
                wheels={"pytorch-triton-rocm": "3.3.1"},
                constraints=("numpy<2",),
                glibc=Glibc(min="2.28"),
            ),
        ),
        gpus={
            "gfx1010": Gpu(
                support="partial",
                environment={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"},
                convolutions="fallback",
                known_bad=("conv2d",),
                evidence=("ROCm/ROCm#2527",),
            )
        },
        unverified=("rocm.hip", "pytorch[0].wheels"),
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hip: ", "hop: ", "f.yaml:8: `rocm.hop`: unknown key"),
        (
            "kind: apt",
            "kind: deb",
            "f.yaml:10: `rocm.sources[0].kind`: `deb` is not one of apt, rpm, tarball, wheels",
        ),
        ("kind: apt\n      ", "", "f.yaml:10: `rocm.sources[0]`: the key `kind` is missing"),
        ("summary: ROCm 6.2.4\n", "", "f.yaml:1: the key `summary` is missing"),
        ("name: rocm", "name: rocm-6.2.4\nname: rocm", "f.yaml:3: `name`: this key stands on line 2 already"),
        ("runtime: [", "runtime: [7, ", 'f.yaml:15: `rocm.sets.runtime[0]`: YAML reads `7` as a number: write "7"'),
        ('"6.2.4"', "6.2", 'f.yaml:6: `rocm.version`: YAML reads `6.2` as a number: write "6.2"'),
        ('"10.3.0"', "1", OVERRIDE + 'YAML reads `1` as a number: write "1"'),
        ('"10.3.0"', "true", OVERRIDE + 'YAML reads `true` as a truth value: write "true"'),
        (
            "HIP_PLATFORM: amd",
            "HIP_PLATFORM: no",
            'f.yaml:18: `rocm.environment.HIP_PLATFORM`: YAML reads `no` as a truth value: write "no"',
        ),
        (
            '"2024-11-06"',
            "2024-11-06",
            'f.yaml:4: `released`: YAML reads `2024-11-06` as a date: write "2024-11-06"',
        ),
        (
            "summary: ROCm 6.2.4",
            "summary:",
            'f.yaml:3: `summary`: there is no value here; write "" for an empty one',
        ),
        (
            "{noble: noble",
            "{no: noble",
            'f.yaml:12: `rocm.sources[0].suite`: the key `no` is not read as text: write "no"',
        ),
        ('hip: "6.2.41134"', "hip: [a]", "f.yaml:8: `rocm.hip`: a value of type str belongs here, not list"),
        (
            "support: partial",
            "support: maybe",
            "f.yaml:28: `gpus.gfx1010.support`: `maybe` is not one of " + SUPPORT,
        ),
        ("kmod: []", "kmod: lsmod", "f.yaml:16: `rocm.host.kmod`: a value of type list belongs here, not str"),
        ("[rocm.hip,", "[rocm.hop,", "f.yaml:33: `unverified[0]`: there is no `rocm.hop` in this manifest"),
        ("schema: 1", "schema: 2\nnovelty: 1", "f.yaml:1: `schema`: it has schema 2, and this rocmswitch reads 1"),
        ("schema: 1", "schema: one", "f.yaml:1: `schema`: a value of type int belongs here, not str"),
        (
            "gfx1010:",
            "gfx1010;rm:",
            "f.yaml:27: `gpus.gfx1010;rm`: `gfx1010;rm` is not a GPU target like `gfx1010`",
        ),
        (
            "name: rocm-6.2.4",
            "name: $(reboot)",
            "f.yaml:2: `name`: `$(reboot)` is not a name of small letters, digits, `.`, `_`, `-`",
        ),
        (
            "root: opt/",
            "root: ../opt/",
            "f.yaml:7: `rocm.root`: `../opt/rocm-6.2.4` is not a relative path without `.` and `..`",
        ),
    ],
)
def test_a_mistake_names_file_line_and_key(old: str, new: str, message: str):
    assert mistake(changed(old, new)) == message


def test_a_mistake_under_one_of_many_keys_names_that_key():
    text = SMALL + "gpus:\n  gfx900: {support: none}\n  gfx906: {support: none}\n  gfx1010: {support: nonsense}\n"

    assert mistake(text) == "f.yaml:10: `gpus.gfx1010.support`: `nonsense` is not one of " + SUPPORT


def test_a_mistake_under_two_levels_of_free_keys_names_both():
    text = (
        SMALL
        + "gpus:\n  gfx900: {support: none}\n  gfx1010:\n    support: none\n"
        + "    profiles: {a: {HSA_A: x}, b: {HSA_B: [y]}}\n"
    )

    assert mistake(text) == "f.yaml:11: `gpus.gfx1010.profiles.b.HSA_B`: a value of type str belongs here, not list"


@pytest.mark.parametrize(
    "value", ["$(reboot)", "`id`; rm -rf ~", "a 'b' \"c\" $d \\e", "äöü € \u2028", "", "*?[a]", "\t"]
)
def test_a_value_of_a_variable_is_text_and_nothing_else(value: str):
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\u2028", "\\L")

    stack = parse_manifest(changed("HIP_PLATFORM: amd", f'HIP_PLATFORM: "{quoted}"').encode(), "f.yaml")

    assert stack.rocm.environment == {"HIP_PLATFORM": value}


@pytest.mark.parametrize("value", [r"a\nb", r"a\0b"])
def test_a_value_that_no_shell_can_carry_is_refused(value: str):
    message = mistake(changed("HIP_PLATFORM: amd", f'HIP_PLATFORM: "{value}"'))

    assert message == "f.yaml:18: `rocm.environment.HIP_PLATFORM`: a value may hold anything but NUL and newline"


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "BASH_ENV",
        "IFS",
        "HOME",
        "hip_x",
        "HIP-X",
        "XHIP_",
        "HIP_;a",
    ],
)
def test_a_variable_off_the_allow_list_is_refused(name: str):
    message = mistake(changed("HIP_PLATFORM: amd", f"{name}: amd"))

    assert message.startswith(
        f"f.yaml:18: `rocm.environment.{name}`: `{name}` is not a variable that a manifest may set"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x\n", "f.yaml:1: anchors and aliases are not allowed: write the value where it belongs"),
        ("a: {b: 1}\n<<: {c: 1}\n", 'f.yaml:2: the key `<<` is not read as text: write "<<"'),
        ("a: !!python/object/apply:os.system [id]\n", "f.yaml:1: tags (`!`) are not allowed"),
        ("a: !x 1\n", "f.yaml:1: tags (`!`) are not allowed"),
        ("a: b\n---\nc: d\n", "f.yaml:2: one file holds one manifest"),
        ("", "f.yaml:1: the file is empty"),
        ("# nothing\n", "f.yaml:1: the file is empty"),
        ("- a\n", "f.yaml:1: a value of type mapping belongs here, not list"),
        ("just text", "f.yaml:1: a value of type mapping belongs here, not str"),
        ("a: b\n\tc: d\n", "f.yaml:2: this is not YAML: "),
        ("a: [\n", "f.yaml:2: this is not YAML: "),
        ("? [a]\n: b\n", "f.yaml:1: a key is a word"),
        (b"a: b\n\xff\xfe\n", "f.yaml:2: this is not UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(64), "f.yaml:1: a control character stands in this line"),
        ("a: b\nc: \x07\n", "f.yaml:2: a control character stands in this line"),
        ("x" * (MANIFEST_SIZE_LIMIT + 1), "f.yaml:1: a manifest has at most 262144 bytes, this file has 262145"),
        ("a:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 40)), "f.yaml:13: nested more than 12 levels deep"),
        ("[" * 100_000, "f.yaml:1: nested more than 12 levels deep"),
        ("{a: " * 20_000, "f.yaml:1: nested more than 12 levels deep"),
        (b"\0" * (10 * 1024 * 1024), "f.yaml:1: a manifest has at most 262144 bytes, this file has 10485760"),
    ],
)
def test_hostile_yaml_is_refused_for_what_it_is(text: str | bytes, message: str):
    assert mistake(text).startswith(message)


def test_a_billion_laughs_are_refused_for_their_anchors_before_any_is_expanded():
    names = "abcdefghij"
    lines = ["a: &a [" + ",".join(["lol"] * 9) + "]"]
    lines += [f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]" for old, new in itertools.pairwise(names)]

    message = mistake("\n".join(lines))

    assert message == "f.yaml:1: anchors and aliases are not allowed: write the value where it belongs"


def test_a_mistake_carries_no_control_characters_to_the_terminal():
    assert (
        mistake(changed("hip: ", '"\\e[2Jhop": '))
        == "f.yaml:8: `rocm.\N{REPLACEMENT CHARACTER}[2Jhop`: unknown key"
    )


def test_one_mistake_is_found_among_thousands_of_entries():
    gpus = "".join(f"  gfx{number:03x}: {{support: none}}\n" for number in range(0x100, 0xFFF))

    message = mistake(SMALL + "gpus:\n" + gpus + "  gfx1010: {support: nonsense}\n")

    assert message == f"f.yaml:3847: `gpus.gfx1010.support`: `nonsense` is not one of {SUPPORT}"
