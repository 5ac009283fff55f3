from __future__ import annotations

import pytest

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.config import Config, parse_config


def test_an_empty_file_decides_nothing() -> None:
    assert parse_config(b"\n", "config.yaml") == Config()


def test_a_mirror_is_named_by_archive() -> None:
    config = parse_config(b"mirrors: {debian: http://mirror.example/debian}", "config.yaml")

    assert config == Config(mirrors={"debian": "http://mirror.example/debian"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"mirrors:\n  ubuntu: http://mirror.example", "config.yaml:2: `mirrors.ubuntu`: "),
        (b"mirrors:\n  debian: ftp://mirror.example", "config.yaml:2: `mirrors.debian`: "),
        (b"colour: red", "config.yaml:1: `colour`: "),
        (b"mirrors: {}\nmirrors: {}", "config.yaml:2: `mirrors`: "),
    ],
)
def test_a_mistake_names_file_line_and_key(text: bytes, message: str) -> None:
    with pytest.raises(ManifestMistake) as caught:
        parse_config(text, "config.yaml")

    assert str(caught.value).startswith(message)
