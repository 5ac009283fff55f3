"""docs/manifest.md describes every key that there is, and no other."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec

from rocmswitch.metadata.manifest import DEPTH_LIMIT, MANIFEST_SIZE_LIMIT, parse_manifest
from rocmswitch.model.grammar import ENVIRONMENT_PREFIXES
from rocmswitch.model.stack import Stack

PAGE = (Path(__file__).parents[2] / "docs/manifest.md").read_text()


def keys(struct: type, path: str = "") -> set[str]:
    """The paths of all keys: `[]` for an item of a list, `*` for a free key."""
    found: set[str] = set()
    for field in msgspec.structs.fields(struct):
        found |= {path + field.encode_name}
        found |= below(field.type, path + field.encode_name)
    return found


def below(kind: object, path: str) -> set[str]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return keys(kind, f"{path}.")
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    suffix = "[]" if origin is tuple else ".*" if origin is dict else ""
    return {key for one in arguments for key in below(one, path + suffix)}


def test_the_reference_page_describes_every_key_and_no_other():
    described = re.findall(r"^\| `([a-z_.*\[\]]+)` \|", PAGE, re.MULTILINE)

    assert sorted(described) == sorted(keys(Stack))


def test_the_reference_page_names_the_limits_and_the_variables():
    unnamed = [prefix for prefix in ENVIRONMENT_PREFIXES if f"`{prefix}`" not in PAGE]

    assert unnamed == []
    assert f"{MANIFEST_SIZE_LIMIT // 1024} KiB" in PAGE
    assert f"{DEPTH_LIMIT} levels" in PAGE


def test_the_example_of_the_reference_page_is_a_valid_manifest():
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None

    assert parse_manifest(example[1].encode(), "docs/manifest.md").name == "rocm-6.2.4"
