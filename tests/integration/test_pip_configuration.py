"""Where packages come from, by the configuration of pip and uv, as both programs read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.host.pip import DEFAULT_INDEX, read_indexes
from rocmswitch.model.indexes import PackageIndexes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/uv").mkdir(parents=True)
    return tmp_path


def read(home: Path, **environment: str) -> PackageIndexes:
    return read_indexes({"HOME": str(home), **environment}, home / "root")


def configure(home: Path, text: str) -> None:
    (home / ".config/pip/pip.conf").write_text(text)


def test_nothing_configured_means_the_index_that_both_use(home: Path) -> None:
    assert read(home) == PackageIndexes(DEFAULT_INDEX)


def test_a_pip_conf_says_index_extra_indexes_folders_hosts_and_certificates(home: Path) -> None:
    bundle = home / "company.pem"
    bundle.write_text("")
    configure(
        home,
        "[global]\nindex-url = https://one/simple/\nextra-index-url =\n    https://two/simple\n    https://three\n"
        f"find-links = /wheels\ntrusted-host = one\ncert = {bundle}\n",
    )

    assert read(home) == PackageIndexes(
        "https://one/simple",
        ("https://two/simple", "https://three"),
        ("/wheels",),
        trusted_hosts=("one",),
        certificates=str(bundle),
    )


def test_a_bundle_that_is_not_there_is_passed_over(home: Path) -> None:
    configure(home, f"[global]\ncert = {home / 'gone.pem'}\n")

    assert read(home).certificates == ""


def test_the_environment_wins_over_files_and_uv_s_variables_over_pip_s(home: Path) -> None:
    configure(home, "[global]\nindex-url = https://file\nextra-index-url = https://file-extra\n")

    found = read(
        home,
        PIP_INDEX_URL="https://pip",
        UV_DEFAULT_INDEX="https://uv",
        PIP_EXTRA_INDEX_URL="https://a https://b",
        UV_INDEX="inner=https://c",
    )

    assert (found.index, found.extra) == ("https://uv", ("https://c", "https://a", "https://b"))


def test_the_section_of_pip_install_wins_over_the_global_one(home: Path) -> None:
    configure(home, "[global]\nindex-url = https://global\n[install]\nindex_url = https://install\n")

    assert read(home).index == "https://install"


def test_the_machine_s_pip_conf_counts_where_the_user_s_says_nothing(home: Path) -> None:
    configure(home, "[global]\nindex-url = https://mine\n")
    (home / "root/etc").mkdir(parents=True)
    (home / "root/etc/pip.conf").write_text("[global]\nindex-url = https://ours\nfind-links = /srv/wheels\n")

    assert (read(home).index, read(home).find_links) == ("https://mine", ("/srv/wheels",))


def test_pip_can_be_told_to_read_no_file_but_one(home: Path) -> None:
    configure(home, "[global]\nindex-url = https://mine\n")
    (home / "other.conf").write_text("[global]\nindex-url = https://other\n")

    assert read(home, PIP_CONFIG_FILE=str(home / "other.conf")).index == "https://other"
    assert read(home, PIP_CONFIG_FILE="/dev/null").index == DEFAULT_INDEX


@pytest.mark.parametrize("text", ("no section\n", "[global\n", "\x00\xff", "[global]\nindex-url\n"))
def test_a_broken_pip_conf_is_as_none(home: Path, text: str) -> None:
    (home / ".config/pip/pip.conf").write_bytes(text.encode("latin-1"))

    assert read(home).index == DEFAULT_INDEX


def test_no_index_leaves_the_folders(home: Path) -> None:
    configure(home, "[global]\nno-index = true\nfind-links = /wheels\n")

    assert (read(home).all, read(home).find_links) == ((), ("/wheels",))


@pytest.mark.parametrize(
    "text",
    (
        'index-url = "https://uv"\n',
        '[pip]\nindex-url = "https://uv"\n',
        '[[index]]\nurl = "https://uv"\ndefault = true\n',
    ),
)
def test_where_uv_s_own_file_names_an_index_pip_s_is_not_in_its_way(home: Path, text: str) -> None:
    configure(home, "[global]\nindex-url = https://pip\n")
    config = home / ".config/uv/uv.toml"
    config.write_text(text)

    assert (read(home).index, read(home).uv_config) == ("https://uv", str(config))


@pytest.mark.parametrize("text", ('link-mode = "copy"\n', '[[index]]\nurl = "https://uv"\n', "not TOML\n"))
def test_a_uv_toml_without_a_default_leaves_pip_s(home: Path, text: str) -> None:
    configure(home, "[global]\nindex-url = https://pip\n")
    (home / ".config/uv/uv.toml").write_text(text)

    assert read(home).index == "https://pip"


def test_a_uv_toml_counts_for_nothing_where_uv_was_told_so(home: Path) -> None:
    (home / ".config/uv/uv.toml").write_text('index-url = "https://uv"\n')

    assert read(home, UV_NO_CONFIG="1") == PackageIndexes(DEFAULT_INDEX)


def test_a_password_goes_to_its_own_server_and_no_other() -> None:
    indexes = PackageIndexes("https://me:secret@one.example/simple")

    assert indexes.authorized("https://one.example/f/x.whl") == "https://me:secret@one.example/f/x.whl"
    for url in ("https://one.example.org/x.whl", "http://one.example/x.whl", "https://two/x.whl", "file:///x.whl"):
        assert indexes.authorized(url) == url
