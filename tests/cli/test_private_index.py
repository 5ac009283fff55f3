"""A company's own index: its own certificate, a password, and nothing else that could be asked."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_receipt
from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite
from tests.support.server import Server

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK = "rocm-6.2.4"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


@pytest.fixture
def line(site: PytorchSite, tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    site.let(line, STACK)
    return line


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate of this test, and is not installed")
    file = tmp_path / "company.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    more += ["-keyout", str(file) + ".key", "-out", str(file)]
    subprocess.run([*words, *more], check=True, capture_output=True)
    return file


def test_an_index_with_a_certificate_of_its_own_is_trusted_as_pip_was_told_to(
    line: CommandLine, site: PytorchSite, certificate: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(Path(f"{certificate}.key").read_bytes() + certificate.read_bytes())
    (line.home / ".config/pip").mkdir(parents=True)
    with Server(site.folder, certificate=both) as secure:
        text = f"[global]\nindex-url = {secure.url('simple')}\ncert = {certificate}\n"
        (line.home / ".config/pip/pip.conf").write_text(text)

        line.succeed("use", STACK, "--venv", "demo", "--yes")

    urls = {one.name: one.url for one in read_receipt(line.layout.venvs / "demo").packages}
    assert urls["filelock"].startswith("https://127.0.0.1")


@pytest.mark.parametrize("variable", ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"))
def test_a_certificate_that_a_variable_names_is_trusted_by_all_that_asks_servers(
    variable: str, line: CommandLine, site: PytorchSite, certificate: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(Path(f"{certificate}.key").read_bytes() + certificate.read_bytes())
    use = ("use", STACK, "--venv", "demo", "--dry-run")
    with Server(site.folder, certificate=both) as secure:
        before = line.run(*use, PIP_INDEX_URL=secure.url("simple"))
        after = line.run(*use, PIP_INDEX_URL=secure.url("simple"), **{variable: str(certificate)})

    assert (before.code, after.code) == (6, 0), (before, after)
    assert "unknown issuer: nobody whom this machine trusts has signed its certificate" in before.error
    assert "put `SSL_CERT_FILE=FILE`" in before.hint


def test_a_password_of_the_index_reaches_it_and_is_written_nowhere(line: CommandLine, site: PytorchSite) -> None:
    site.server.requests.clear()

    line.succeed(
        *("use", STACK, "--venv", "demo", "--yes"),
        PIP_INDEX_URL=site.simple.replace("http://", "http://me:very-secret@"),
    )

    expected = "Basic " + base64.b64encode(b"me:very-secret").decode()
    wheels = [
        one for one in site.server.requests if one.path.startswith("/simple/filelock-") and one.path.endswith("whl")
    ]
    assert wheels
    assert all(one.headers.get("Authorization") == expected for one in wheels)
    written = [
        path for path in line.layout.data.rglob("*") if path.is_file() and b"very-secret" in path.read_bytes()
    ]
    assert written == []
