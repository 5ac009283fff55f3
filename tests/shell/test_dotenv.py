"""What a .env file holds is what docker and python-dotenv read; what they would read differently is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.errors import UsageMistake
from rocmswitch.shell.dotenv import render

UV = Path(sys.executable).with_name("uv")
READER = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))"
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("a\nb", "the end of a line"),
        ("a\rb", "the end of a line"),
        ("a\0b", "the end of a line"),
        (" a", "blanks at its beginning or end"),
        ("a\t", "blanks at its beginning or end"),
        ("a\N{NO-BREAK SPACE}", "blanks at its beginning or end"),
        ("'a'", "a quotation mark at its beginning"),
        ('"a', "a quotation mark at its beginning"),
        ("#a", "a `#` that begins a comment"),
        ("a #b", "a `#` that begins a comment"),
        ("${HOME}", "the beginning of a variable, `${`"),
        ("\udcff", "bytes that are not UTF-8"),
    ],
)
def test_what_programs_read_differently_is_refused_by_name(value: str, what: str):
    with pytest.raises(UsageMistake) as caught:
        render("it", {"HIP_X": value})

    assert caught.value.message == f"`HIP_X` holds {what}, which a .env file cannot keep"


def test_ordinary_values_stand_as_they_are():
    values = {"HIP_X": "", "ROCM_PATH": "/a b/c#d", "HSA_X": "it's=$5 \\n", "PATH": "/x:/y"}

    assert render("it", values) == "HIP_X=\nROCM_PATH=/a b/c#d\nHSA_X=it's=$5 \\n\nPATH=/x:/y\n"


def as_docker_reads(content: str) -> dict[str, str]:
    """docker/cli, opts/file.go: what is before the first `=` of a line, the rest as it is; `#` begins a comment."""
    lines = (line.removesuffix("\r").lstrip(" \t") for line in content.split("\n"))
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@given(text)
def test_docker_reads_back_what_is_not_refused(value: str):
    try:
        content = render("it", {"HIP_X": value})
    except UsageMistake:
        return

    assert as_docker_reads(content) == {"HIP_X": value}


@pytest.fixture(scope="module")
def python_dotenv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library, from an index."""
    folder = tmp_path_factory.mktemp("dotenv")
    command = [str(UV), "pip", "install", "--quiet", "--target", str(folder), "python-dotenv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no python-dotenv to be had: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.mark.network("pypi")
def test_python_dotenv_reads_back_what_is_not_refused(python_dotenv: Path, tmp_path: Path):
    """Thousands of values in one file, which one process reads."""
    kept: dict[str, str] = {}

    @given(text)
    @settings(max_examples=1000, database=None)
    def collect(value: str) -> None:
        name = f"HIP_{len(kept)}"
        try:
            render("it", {name: value})
        except UsageMistake:
            return
        kept[name] = value

    collect()
    (tmp_path / "env").write_text(render("it", kept), newline="")
    command = [sys.executable, "-c", READER, str(tmp_path / "env")]
    done = subprocess.run(command, env={"PYTHONPATH": str(python_dotenv)}, capture_output=True, check=True)

    assert len(kept) > 100
    assert json.loads(done.stdout) == kept
