"""Whatever a manifest is changed to, it is a stack or a mistake that names its line."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.store.catalog import shipped_manifests

ORIGINAL = (shipped_manifests() / "debian-5.2.3.yaml").read_bytes()
YAML = [
    b"[",
    b"]",
    b"{",
    b"}",
    b": ",
    b"- ",
    b"*a",
    b"&a ",
    b"!!int ",
    b"\n",
    b"\t",
    b"~",
    b"? ",
    b"|\n",
    b"...\n",
    b"#",
]
VALUES = [
    b"no",
    b"0x1f",
    b"1e3",
    b".inf",
    b"9" * 400,
    b"\x00",
    b"\xff",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\r",
    b"'",
    b'"',
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(ORIGINAL)),
            st.integers(0, 30),
            st.sampled_from([b"", *YAML, *VALUES]) | st.binary(max_size=8),
        ),
        max_size=4,
    )
)
def test_a_changed_manifest_is_a_stack_or_a_mistake_with_its_line(changes: list[tuple[int, int, bytes]]):
    text = ORIGINAL
    for at, cut, insertion in changes:
        text = text[:at] + insertion + text[at + cut :]

    try:
        parse_manifest(text, "f.yaml")
    except ManifestMistake as mistake:
        assert re.match(r"f\.yaml:[1-9][0-9]*: ", mistake.message)
        assert mistake.message.isprintable()
