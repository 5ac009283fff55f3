"""Variants that are removed: what that frees, and what is made again in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.cli import output
from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.trees import replace_content
from tests.support.variants import VARIANT, deploy, patched

LIBRARY = "usr/lib/libacme.so.1"


@pytest.fixture
def stack(line: CommandLine) -> CommandLine:
    line.succeed("install", NAME, "--yes")
    return line


def test_a_removed_variant_is_used_again_only_where_it_is_whole(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, file := patched(tmp_path))
    first = (stack.layout.prefixes / VARIANT).resolve()
    replace_content(first / LIBRARY, b"damaged")
    stack.succeed("remove", VARIANT, "--yes")

    deploy(stack, file)

    assert stack.run("verify", VARIANT).code == 0
    assert (stack.layout.prefixes / VARIANT).resolve() != first


def test_removing_a_variant_frees_what_is_its_own(stack: CommandLine, tmp_path: Path) -> None:
    deploy(stack, patched(tmp_path))
    tree = (stack.layout.prefixes / VARIANT).resolve()
    found = [path.lstat() for path in tree.rglob("*") if not path.is_dir()]
    own = sum(one.st_blocks * 512 for one in found if one.st_nlink == 1)

    told = stack.run("remove", VARIANT, "--dry-run").err

    assert f"frees its {output.size(own)}" in told
