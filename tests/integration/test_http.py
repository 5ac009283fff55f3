"""Reading from servers that are slow, broken, endless, moved or lying."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from rocmswitch.errors import NetworkFailed, NotFound, RocmswitchError, UsageMistake, VerificationFailed
from rocmswitch.fetch.http import Http, Patience, RangeRefused, Transient, shown
from tests.support.server import Fault, Server

HURRY = Patience(connect=2, stall=0.4, attempts=3, pause=0.01, longest_pause=0.02)
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(CONTENT)
    with Server(folder) as server:
        yield server


@pytest.fixture
def http() -> Http:
    return Http(HURRY)


def test_a_file_is_read_whole_and_the_client_says_who_it_is(server: Server, http: Http) -> None:
    content = http.read(server.url("file"), limit=len(CONTENT))

    asked = server.requests[0].headers
    assert (content, asked["User-Agent"], asked["Accept-Encoding"]) == (CONTENT, "rocmswitch/0.1.0", "identity")


def test_a_file_without_a_stated_length_is_read_whole(server: Server, http: Http) -> None:
    server.misbehave("file", Fault(no_length=True))

    assert http.read(server.url("file"), limit=len(CONTENT)) == CONTENT


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=503, times=2),
        Fault(status=500, times=1),
        Fault(cut_after=100, times=2),
        Fault(cut_after=0, times=1),
        Fault(stall_after=100, times=1),
        Fault(stall_before_answer=True, times=1),
    ],
    ids=["503", "500", "cut", "cut at once", "stall", "silence"],
)
def test_what_goes_wrong_for_a_while_is_tried_again(server: Server, http: Http, fault: Fault) -> None:
    server.misbehave("file", fault)

    content = http.read(server.url("file"), limit=len(CONTENT))

    assert (content, len(server.asked("file"))) == (CONTENT, fault.times + 1)


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (Fault(status=404), NotFound, "`URL` is not there: the server answered 404 Not Found"),
        (Fault(status=403), NotFound, "`URL` is not there: the server answered 403 Forbidden"),
        (
            Fault(status=503),
            NetworkFailed,
            "`URL` could not be fetched: the server answered 503 Service Unavailable",
        ),
        (Fault(status=401), NetworkFailed, "`URL` could not be fetched: the server answered 401 Unauthorized"),
        (Fault(stall_after=7), NetworkFailed, "`URL` sent nothing for 0.4 seconds"),
        (Fault(endless=True), VerificationFailed, "`URL` is larger than the 10240 bytes it may have"),
        (Fault(content=CONTENT + b"x"), VerificationFailed, "`URL` is larger than the 10240 bytes it may have"),
        (Fault(redirect="/file"), NetworkFailed, "`URL` redirects more than 10 times"),
        (Fault(redirect="ftp://x/y"), NetworkFailed, "`URL` redirects to `ftp://x/y`, which is no web address"),
        (Fault(redirect="http://[::1/"), NetworkFailed, "`URL` redirects to `http://[::1/`: Invalid IPv6 URL"),
    ],
)
def test_what_stays_wrong_is_an_error_that_names_the_url(
    server: Server, http: Http, fault: Fault, kind: type[RocmswitchError], message: str
) -> None:
    server.misbehave("file", fault)

    with pytest.raises(kind) as caught:
        http.read(server.url("file"), limit=len(CONTENT))

    assert str(caught.value) == message.replace("`URL`", f"`{server.url('file')}`")


def test_only_what_may_pass_is_tried_again(server: Server, http: Http) -> None:
    server.misbehave("file", Fault(status=404))
    server.misbehave("busy", Fault(status=503))

    for path in ("file", "busy"):
        with pytest.raises(RocmswitchError):
            http.read(server.url(path), limit=100)

    assert (len(server.asked("file")), len(server.asked("busy"))) == (1, HURRY.attempts)


def test_a_server_that_drips_has_stalled(server: Server) -> None:
    server.misbehave("file", Fault(bytes_per_second=20))

    with pytest.raises(Transient, match=r"sent only \d+ bytes in 1 seconds"):
        Http(Patience(stall=1, attempts=1)).read(server.url("file"), limit=len(CONTENT))


def test_a_redirect_is_followed(server: Server, http: Http) -> None:
    server.misbehave("moved", Fault(redirect="/file"))

    assert http.read(server.url("moved"), limit=len(CONTENT)) == CONTENT


def test_the_body_of_a_redirect_is_not_read(server: Server, http: Http) -> None:
    server.misbehave("moved", Fault(redirect="/file", endless=True))

    assert http.read(server.url("moved"), limit=len(CONTENT)) == CONTENT


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://localhost/file", "/etc/hostname", "http://[::1/x"])
def test_nothing_but_http_is_fetched(http: Http, url: str) -> None:
    with pytest.raises(UsageMistake):
        http.read(url, limit=100)


def test_a_server_that_does_not_listen_is_named_with_the_reason(http: Http) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"

        with pytest.raises(NetworkFailed) as caught:
            http.read(url, limit=100)

    assert str(caught.value) == f"`{url}` could not be reached: Connection refused"


def test_a_range_is_continued_while_the_file_is_the_same(server: Server, http: Http) -> None:
    with http.stream(server.url("file")) as first:
        validator = first.validator

    with http.stream(server.url("file"), offset=1000, validator=validator) as rest:
        body = b"".join(rest.chunks())

    asked = server.requests[-1].headers
    assert (rest.status, rest.offset, rest.total, body) == (206, 1000, len(CONTENT), CONTENT[1000:])
    assert (asked["Range"], asked["If-Range"]) == ("bytes=1000-", validator)


def test_another_file_at_the_server_is_sent_from_its_start(server: Server, http: Http) -> None:
    with http.stream(server.url("file"), offset=1000, validator='"of yesterday"') as answer:
        body = b"".join(answer.chunks())

    assert (answer.status, answer.offset, answer.total, body) == (200, 0, len(CONTENT), CONTENT)


def test_an_offset_behind_the_end_is_refused_by_name(server: Server, http: Http) -> None:
    with pytest.raises(RangeRefused), http.stream(server.url("file"), offset=len(CONTENT)):
        pass


def test_a_waiting_reader_can_be_stopped_from_another_thread(server: Server) -> None:
    server.misbehave("file", Fault(stall_after=100))
    patient = Http(Patience(stall=3600, attempts=1))

    with patient.stream(server.url("file")) as answer:
        chunks = answer.chunks()
        received = next(chunks)
        threading.Timer(0.1, answer.stop).start()
        waiting = ThreadPoolExecutor().submit(list, chunks)
        ended = wait([waiting], timeout=30).done
        server.ending.set()  # wakes a reader that nothing else has woken

    assert (ended, received, len(server.requests)) == ({waiting}, CONTENT[:100], 1)
    with pytest.raises(Transient, match="broke off"):
        waiting.result()


def test_a_proxy_variable_is_honoured(server: Server, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url())

    content = http.read("http://example.invalid/file", limit=len(CONTENT))

    assert (content, server.requests[0].path) == (CONTENT, "http://example.invalid/file")


def test_the_length_is_what_the_server_states(server: Server, http: Http) -> None:
    server.misbehave("silent", Fault(content=CONTENT, no_length=True))

    assert (http.length(server.url("file")), http.length(server.url("silent"))) == (len(CONTENT), None)


def test_a_password_in_a_url_is_not_shown() -> None:
    assert shown("https://name:secret@example.org:8443/a?b") == "https://example.org:8443/a?b"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate of this test, and is not installed")
    file = tmp_path / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        ["openssl", *words.split(), "-keyout", file, "-out", tmp_path / "c"], check=True, capture_output=True
    )
    file.write_bytes(file.read_bytes() + (tmp_path / "c").read_bytes())
    return file


def test_a_certificate_that_nobody_signed_is_refused_at_once(tmp_path: Path, http: Http, certificate: Path) -> None:
    with Server(tmp_path, certificate=certificate) as secure, pytest.raises(NetworkFailed) as caught:
        http.read(secure.url("file"), limit=100)

    assert str(caught.value).startswith(f"`{secure.url('file')}` could not be reached: self-signed certificate")


def test_a_redirect_may_not_take_the_encryption_away(
    server: Server, http: Http, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Server(server.folder, certificate=certificate) as secure:
        secure.misbehave("away", Fault(redirect=server.url("file")))
        secure.misbehave("within", Fault(redirect="/file"))

        with pytest.raises(NetworkFailed, match="which is not encrypted"):
            http.read(secure.url("away"), limit=len(CONTENT))
        content = http.read(secure.url("within"), limit=len(CONTENT))

    assert (content, server.requests) == (CONTENT, [])


def test_the_machines_own_certificates_are_trusted_too(
    server: Server, http: Http, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with Server(server.folder, certificate=certificate) as secure:
        assert http.read(secure.url("file"), limit=len(CONTENT)) == CONTENT


def test_a_bundle_of_the_users_own_is_the_only_one_that_counts(
    server: Server, http: Http, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())

    with Server(server.folder, certificate=certificate) as secure, pytest.raises(NetworkFailed):
        http.read(secure.url("file"), limit=len(CONTENT))
