"""A report to bytes and back, and what is private taken out of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from rocmswitch.metadata.probereport import encode_report, parse_report
from rocmswitch.model.probe import ERROR, WRONG, Report
from rocmswitch.planning.attachable import Owner, without_names
from tests.support.probereports import BY_CUDA, ON_CARD, ON_PROCESSOR, hanging_from, made_report, outcome

OWNER = Owner("/srv/people/mona", "mona", "lab-7.example.org")


@pytest.mark.parametrize("report", [hanging_from(), made_report(), made_report(on=BY_CUDA, planned=9)])
def test_a_report_comes_back_as_it_was(report: Report):
    assert parse_report(encode_report(report)) == report


def test_what_a_later_version_adds_is_passed_over():
    said = json.loads(encode_report(hanging_from()))
    said["weather"] = said["surroundings"]["weather"] = said["outcomes"][0]["weather"] = "fine"

    assert parse_report(json.dumps(said).encode()) == hanging_from()


def test_what_an_earlier_version_did_not_have_is_empty():
    said = json.loads(encode_report(hanging_from()))
    del said["planned"], said["substitute"], said["surroundings"]["environment"]

    assert parse_report(json.dumps(said).encode()).surroundings == replace(ON_CARD, environment=())


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_none_is_left_out(number: float):
    report = made_report(outcome("gru", WRONG, difference=number, seconds=number))

    (found,) = parse_report(encode_report(report)).outcomes

    assert (found.difference, found.seconds) == (None, 0.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"schema": 2}',
        b'{"schema": 1}',
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b"<html><body>no report</body></html>",
        b"<script type='application/json'>{</script>",
        encode_report(hanging_from())[:-200],
        encode_report(hanging_from()).replace(b'"hang"', b'"sulks"'),
        encode_report(hanging_from()).replace(b"60.0", b'"soon"'),
        encode_report(hanging_from()).replace(b"60.0", b"1e999"),
        encode_report(hanging_from()).replace(b"60.0", b"Infinity"),
        encode_report(hanging_from()).replace(b"60.0", b"1" + b"0" * 400),
    ],
    ids=range(16),
)
def test_what_is_no_report_is_refused(content: bytes):
    with pytest.raises(ValueError, match=r"."):
        parse_report(content)


@pytest.mark.parametrize("around", [BY_CUDA, ON_PROCESSOR])
def test_a_substitute_is_named_in_the_first_line(around: object):
    lines = encode_report(made_report(on=around)).decode().splitlines()

    assert "as a substitute: it says nothing of a" in lines[1]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("cannot open /srv/people/mona/.config/miopen/gfx1010.ufdb", "cannot open ~/.config/miopen/gfx1010.ufdb"),
        ("/srv/people/mona: denied", "~: denied"),
        ("/srv/people/monaco", "/srv/people/monaco"),
        ("/mnt/srv/people/mona/x", "/mnt/srv/people/USER/x"),
        ("/home/somebody/7 '/home/eve'", "~/7 '~'"),
        ("/run/media/mona/disk", "/run/media/USER/disk"),
        ("mona@lab-7: no such thing on Lab-7.example.org", "USER@HOST: no such thing on HOST"),
        ("harmonation of lab-77", "harmonation of lab-77"),
        ("/tmp/mona_cache", "/tmp/USER_cache"),
    ],
)
def test_names_and_folders_are_taken_out_of_words(said: str, left: str):
    report = made_report(
        outcome("gru", ERROR, detail=said),
        on=replace(ON_CARD, kernel=said, environment=(("MIOPEN_USER_DB_PATH", said),)),
    )

    found = without_names(report, OWNER)

    assert found.outcomes[0].detail == left
    assert (found.surroundings.kernel, found.surroundings.environment[0][1]) == (left, left)


@pytest.mark.parametrize(
    ("venv", "left"), [("/srv/people/mona/proj/.venv", ".venv"), ("myproj", "myproj"), ("/srv/people/mona", "USER")]
)
def test_a_path_is_told_by_its_name(venv: str, left: str):
    assert without_names(made_report(on=replace(ON_CARD, venv=venv)), OWNER).surroundings.venv == left


def test_names_that_tell_nothing_of_anybody_stay():
    report = made_report(outcome("gru", ERROR, detail="root of localhost: /root/7: a failed"))

    found = without_names(report, Owner("/root", "root", "localhost"))
    short = without_names(report, Owner("", "a", ""))

    assert found.outcomes[0].detail == "root of localhost: ~/7: a failed"
    assert short == report


def test_a_name_of_one_letter_goes_where_it_names_a_folder_or_an_account():
    report = made_report(outcome("gru", ERROR, detail="/data/a/x: a failed at b in /scratch/a, ssh a@b.org, a@b:"))

    found = without_names(report, Owner("", "a", "b.org"))

    assert found.outcomes[0].detail == "/data/USER/x: a failed at b in /scratch/USER, ssh USER@HOST, USER@HOST:"


def test_what_names_a_card_and_an_operation_stays():
    named = Owner("/home/amd", "amd", "radeon")

    assert without_names(hanging_from(), named) == hanging_from()
