"""Whose signature counts: by which variable, and what is said where nobody's does; uv asked to go by the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks
from rocmswitch.store.uvtrust import distrusted, trusting
from rocmswitch.system.certificates import check_certificates, named_certificates, untrusted
from rocmswitch.system.process import Finished

MACHINE = "nobody whom this machine trusts has signed its certificate"
ALONE = "nobody in `/one.pem` has signed its certificate, and `REQUESTS_CA_BUNDLE` lets those alone count"
DISTRUST = (
    b"error: Failed to fetch: https://me:secret@index/simple/pip/\n  cause: invalid peer certificate: UnknownIssuer"
)


@pytest.mark.parametrize(
    ("environment", "expected"),
    (
        ({}, None),
        ({"SSL_CERT_FILE": "/c"}, ("SSL_CERT_FILE", Path("/c"))),
        ({"SSL_CERT_FILE": "/c", "CURL_CA_BUNDLE": "/b"}, ("CURL_CA_BUNDLE", Path("/b"))),
        ({"CURL_CA_BUNDLE": "/b", "REQUESTS_CA_BUNDLE": "/a"}, ("REQUESTS_CA_BUNDLE", Path("/a"))),
        ({"REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": "/c"}, ("SSL_CERT_FILE", Path("/c"))),
    ),
)
def test_the_variable_that_requests_looks_at_first_is_in_effect(
    environment: dict[str, str], expected: tuple[str, Path] | None
):
    assert named_certificates(environment) == expected


@pytest.mark.parametrize(
    ("environment", "who", "variable"),
    (
        ({}, MACHINE, "SSL_CERT_FILE"),
        ({"REQUESTS_CA_BUNDLE": "/one.pem"}, ALONE, "REQUESTS_CA_BUNDLE"),
        (
            {"SSL_CERT_FILE": "/one.pem"},
            f"{MACHINE}, nor anybody in `/one.pem`, which `SSL_CERT_FILE` names, and that is not there",
            "SSL_CERT_FILE",
        ),
    ),
)
def test_the_error_names_who_counts_and_the_hint_the_variable_in_effect(
    environment: dict[str, str], who: str, variable: str
):
    error = untrusted("no", environment)

    assert error.message == f"no: {who}"
    assert f"put `{variable}=FILE`, with" in (error.hint or "")


def test_certificates_that_count_alone_have_to_be_there(tmp_path: Path):
    bundle = tmp_path / "bundle.pem"
    environment = {"CURL_CA_BUNDLE": str(bundle)}
    said = []
    for content in (None, "no", "-----BEGIN CERTIFICATE-----"):
        if content is not None:
            bundle.write_text(content)
        try:
            check_certificates(environment)
            said.append("")
        except MachineLacks as error:
            said.append(error.message.rpartition("`, ")[2])
    check_certificates({"SSL_CERT_FILE": "/nowhere.pem"})

    assert said == ["is not there", "holds no certificate", ""]


@pytest.mark.parametrize(
    ("settings", "expected"),
    (
        ({}, [{}, {"UV_SYSTEM_CERTS": "1"}]),
        ({"SSL_CERT_FILE": "/c"}, [{"SSL_CERT_FILE": "/c"}]),
    ),
)
def test_uv_is_asked_again_with_the_machine_s_certificates_where_the_user_names_none(
    settings: Mapping[str, str], expected: list[dict[str, str]]
):
    asked: list[dict[str, str]] = []

    def attempt(environment: dict[str, str]) -> Finished:
        asked.append(environment)
        return Finished(2, b"", DISTRUST)

    done = trusting(attempt, settings)

    assert (asked, done.code) == (expected, 2)


def test_what_uv_says_of_an_unknown_signer_is_said_as_of_our_own_and_without_a_password():
    error = distrusted(DISTRUST.decode(), {})

    assert error is not None
    assert error.message == f"`https://index/simple/pip/` could not be reached: unknown issuer: {MACHINE}"
    assert distrusted("error: no such package", {}) is None
