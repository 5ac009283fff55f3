"""A journal is read as it was written, or refused: never half, never where it leads astray."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.metadata.journal import Journal, Ready, Touched, encode_journal, is_plain, parse_journal
from rocmswitch.model.deployment import FILE, LINK, FileState, Generation, Intent, Place, Seen, Step

PLACE = Place("venv", "myproj", "/home/u/venvs/myproj", "/home/u/venvs/.trees/myproj-0123456789ab", 5, 6)
BEFORE = FileState(FILE, "aa", 7, 0o755, 1000, 1000, 1_700_000_000_123_456_789, (("user.note", "eA=="),))
AFTER = FileState(FILE, "bb", 8, 0o755, 1000, 1000, 1_800_000_000_000_000_000)
SEEN = Seen(FILE, 1, 2, 3, 4, 5)
BEGUN = Journal(
    3,
    "2026-01-01T12:00:00+00:00",
    Intent("deploy", PLACE, "it is mine", restores=(1, 2), notes=("a note",)),
    (
        Touched("/home/u/site", "torch/lib/a.so", SEEN, ".a.so.rocmswitch-3.new", "/home/u/a.so"),
        Touched("/home/u/site", "link", Seen(), ".link.rocmswitch-3.new"),
    ),
)
READY = replace(
    BEGUN,
    ready=(
        Ready(BEFORE, AFTER, "0.before", "0.after", replace(SEEN, inode=9)),
        Ready(FileState(), FileState(LINK, target="a.so"), written=Seen(LINK, 1, 10, target="a.so")),
    ),
)
DONE = replace(READY, placed=(replace(SEEN, inode=9, changed=11), Seen(LINK, 1, 10, target="a.so")))


@pytest.mark.parametrize("journal", [BEGUN, READY, DONE, replace(DONE, interrupted=True)])
def test_each_stage_is_read_as_it_was_written(journal: Journal):
    assert parse_journal(encode_journal(journal), "open") == journal


def test_what_is_recorded_for_good_tells_both_sides_of_every_path():
    assert DONE.generation() == Generation(
        3,
        "2026-01-01T12:00:00+00:00",
        DONE.intent,
        (
            Step(
                "/home/u/site",
                "torch/lib/a.so",
                BEFORE,
                AFTER,
                "0.before",
                "0.after",
                "/home/u/a.so",
                replace(SEEN, inode=9, changed=11),
            ),
            Step("/home/u/site", "link", FileState(), FileState(LINK, target="a.so"), placed=DONE.placed[1]),
        ),
    )


def test_a_record_is_one_line_that_vouches_for_itself():
    check, _, text = encode_journal(BEGUN).splitlines()[0].partition(b" ")

    assert check.decode() == hashlib.sha256(text).hexdigest()[:16]
    assert json.loads(text)["record"] == "begin"


@pytest.mark.parametrize("journal", [BEGUN, READY])
def test_a_record_must_have_come_to_its_end(journal: Journal):
    with pytest.raises(VerificationFailed, match="`record` cannot be read"):
        parse_journal(encode_journal(journal), "record", done=True)


@pytest.mark.parametrize("number", range(len(encode_journal(DONE).splitlines())))
def test_a_missing_line_is_noticed(number: int):
    lines = encode_journal(DONE).splitlines(keepends=True)
    del lines[number]

    with pytest.raises(VerificationFailed):
        parse_journal(b"".join(lines), "open", done=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        bytes(400),
        encode_journal(DONE)[:-1],
        encode_journal(DONE)[: len(encode_journal(DONE)) // 2],
        encode_journal(DONE) + encode_journal(DONE),
        b"".join(reversed(encode_journal(DONE).splitlines(keepends=True))),
    ],
    ids=["empty", "a line", "zeros", "torn", "half", "twice", "backwards"],
)
def test_what_is_damaged_is_refused(content: bytes):
    with pytest.raises(VerificationFailed, match="`open` cannot be read"):
        parse_journal(content, "open")


def test_a_journal_of_a_newer_version_is_left_to_it():
    newer = _lines({"record": "begin", "schema": 2, "what": "nobody knows"})

    with pytest.raises(Failed, match="`open` was written by another rocmswitch") as caught:
        parse_journal(newer, "open")

    assert caught.value.hint is None


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/home/u/site", "../../etc/passwd"),
        ("/home/u/site", "lib/../../x"),
        ("/home/u/site", "/etc/passwd"),
        ("/home/u/site", "lib//x"),
        ("/home/u/site", "./x"),
        ("/home/u/site", "x/"),
        ("/home/u/site", ""),
        ("/home/u/site", "."),
        ("/home/u/site", "a\0b"),
        ("/home/u/../v", "x"),
        ("//home/u", "x"),
        ("/home//u", "x"),
        ("home/u", "x"),
        ("", "x"),
    ],
)
def test_a_path_that_leads_astray_is_refused_however_well_it_is_signed(root: str, path: str):
    astray = replace(BEGUN, steps=(replace(BEGUN.steps[0], root=root, path=path), BEGUN.steps[1]))

    with pytest.raises(VerificationFailed, match="is no path of a change"):
        parse_journal(encode_journal(astray), "open")
    assert not is_plain(root, path)


@pytest.mark.parametrize("name", ["../x.new", "x.new", ".x", ".a/b.new", "/x.new", ".a\0.new"])
def test_a_name_beside_that_is_not_ours_is_refused(name: str):
    astray = replace(BEGUN, steps=(replace(BEGUN.steps[0], temporary=name), BEGUN.steps[1]))

    with pytest.raises(VerificationFailed):
        parse_journal(encode_journal(astray), "open")


@pytest.mark.parametrize("name", ["../0.before", "/etc/passwd", "record", "0.before/x", "0.before\n"])
def test_a_saved_name_that_is_not_ours_is_refused(name: str):
    for field in ("saved", "kept"):
        astray = replace(READY, ready=(replace(READY.ready[0], **{field: name}), READY.ready[1]))

        with pytest.raises(VerificationFailed):
            parse_journal(encode_journal(astray), "open")


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"number": "3"},
        {"number": True},
        {"intent": []},
        {"intent": {"verb": "deploy"}},
        {"steps": 1},
        {"steps": 0},
        {"created": None},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_beginning_that_says_something_else_is_refused(change: dict[str, object]):
    first, *others = encode_journal(BEGUN).splitlines(keepends=True)
    begin = json.loads(first.partition(b" ")[2]) | change

    with pytest.raises(VerificationFailed):
        parse_journal(_lines(begin) + b"".join(others), "open")


@pytest.mark.parametrize("text", ["[]", "3", '"begin"', "{", "[" * 100_000, '{"record": "begin", "record": 1}'])
def test_a_line_that_is_no_record_is_refused(text: str):
    with pytest.raises(VerificationFailed):
        parse_journal(_line(text.encode()), "open")


@pytest.mark.parametrize("kind", ["folder", "", "FILE"])
def test_a_kind_that_no_path_can_have_is_refused(kind: str):
    for astray in (
        replace(READY, ready=(replace(READY.ready[0], before=replace(BEFORE, kind=kind)), READY.ready[1])),
        replace(BEGUN, steps=(replace(BEGUN.steps[0], seen=replace(SEEN, kind=kind)), BEGUN.steps[1])),
    ):
        with pytest.raises(VerificationFailed):
            parse_journal(encode_journal(astray), "open")


def _lines(*records: dict[str, object]) -> bytes:
    return b"".join(_line(json.dumps(one, separators=(",", ":")).encode()) for one in records)


def _line(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text + b"\n"
