"""The commands that the documents tell people to type are commands of the program, with options that it has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.scenes import parses

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "docs/manifest.md")
_NAMES = ("link", "manifest new")
"""Named, not typed: each needs more words."""
_MEANT = {"N": "3", "FILE": str(ROOT / "README.md")}
_TYPED = re.compile(r"`(?:sudo )?rocmswitch ([^`]+)`|^\S* ?[$#] rocmswitch (.+)$|^rocmswitch (.+)$", re.MULTILINE)
_PATTERN = re.compile(r"[…|\[\]]|\\| COMMAND")
"""In what shows how a command is built, and in pipes: more than one command, or none."""


def typed(document: str) -> list[str]:
    found = ("".join(words) for words in _TYPED.findall((ROOT / document).read_text("utf-8")))
    plain = (words.partition("  #")[0].strip() for words in found if not _PATTERN.search(words))
    return sorted(
        {words for words in plain if "--system" not in words.split()} - {*_NAMES}
    )  # --system asks who is typing


@pytest.mark.parametrize(
    ("document", "words"), [(document, words) for document in DOCUMENTS for words in typed(document)]
)
def test_what_is_to_be_typed_is_a_command(document: str, words: str):
    parses([_MEANT.get(word, word) for word in shlex.split(words)])


def test_most_of_what_readme_shows_is_read():
    assert len(typed("README.md")) > 50
