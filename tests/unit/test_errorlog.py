"""What a pasted error points at: real messages, the order of guesses, and text that is none."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rocmswitch.model.finding import FAULT, WARNING, Finding, Remedy
from rocmswitch.model.trouble import EXACTLY, Trouble
from rocmswitch.planning.errorlog import TROUBLES, confirm, find_troubles, parse_log
from rocmswitch.planning.lines import Lines
from tests.support.diagnosisrows import is_row
from tests.support.errorlogs import LOGS, MEANINGS, TRACEBACK

LIVE = Finding("rights", FAULT, "you may not use the card", "/dev/kfd", "why", Remedy("run `x`"))


def found(text: str) -> list[str]:
    return [one.finding.id for one in find_troubles(parse_log(text.encode()), "log")]


@pytest.mark.parametrize(("trouble", "text"), LOGS, ids=[f"{one[0]}-{at}" for at, one in enumerate(LOGS)])
def test_a_real_message_leads_to_its_cause_first(trouble: str, text: str):
    assert found(f"something before\n{text}\nand after")[0] == trouble


@pytest.mark.parametrize(("trouble", "text"), MEANINGS, ids=[text for _, text in MEANINGS])
def test_what_the_field_knows_leads_to_the_same_meaning(trouble: str, text: str):
    assert found(text)[0] == trouble


def test_each_trouble_has_a_message_that_leads_to_it():
    assert {trouble for trouble, _ in (*LOGS, *MEANINGS)} == {one.id for one in TROUBLES}


def test_each_expression_finds_a_message_that_somebody_has_seen():
    texts = [Lines(parse_log(text.encode())) for _, text in (*LOGS, *MEANINGS)]

    signs = [sign for trouble in TROUBLES for sign in trouble.signs]

    assert [one.pattern for one in signs if not any(text.find(one.pattern) for text in texts)] == []


def test_a_library_of_rocm_that_is_not_found_is_named_surely():
    (one,) = find_troubles(("OSError: libamdhip64.so.5: cannot open shared object file",), "log")

    assert (one.finding.id, one.sure) == ("library-missing", EXACTLY)


README = """\
It hangs where two workers reach a deadlock, and crashes where there is no memory. A page fault is no fault.
Pass --iommu to read the groups; HIP_PATH need not be set. If no devices are found, no devices found is said.
"""


@pytest.mark.parametrize(
    "text",
    [README * 20, "[ 0.3] iommu: Default domain type: Translated"],
    ids=["a long text", "what every boot says"],
)
def test_words_of_every_day_in_a_text_that_no_user_wrote_of_a_fault_are_no_fault(text: str):
    assert found(text) == []


def test_what_a_program_ends_with_counts_however_much_it_said_before():
    assert found("step\n" * 1000 + "Segmentation fault (core dumped)") == ["several-gpus"]


def test_the_line_is_told_with_what_it_says_and_what_to_do():
    (one,) = find_troubles(parse_log(TRACEBACK.encode()), "crash.txt")

    assert (one.finding.where, one.line, one.sure) == ("crash.txt:5", 5, EXACTLY)
    assert one.text == "RuntimeError: HIP error: invalid device function"
    assert one.finding.why.startswith(f"the text says `{one.text}`: ")
    assert one.finding.remedy is not None and "`rocmswitch gpu`" in one.finding.remedy.text
    assert one.seen == ("ROCm/ROCm#4208",)


def test_what_the_message_names_stands_in_the_sentence():
    (one,) = find_troubles(("ImportError: libMIOpen.so.1: cannot open shared object file",), "log")

    assert one.finding.what == "the loader does not find libMIOpen.so.1"


def test_a_surer_message_comes_first_and_a_guess_not_at_all():
    text = "the job hangs\nMemory access fault by GPU node-2\nHSA_STATUS_ERROR\nHIP out of memory"

    assert found(text) == ["out-of-memory", "memory-fault"]


def test_a_line_is_explained_once():
    assert found("modprobe: ERROR: could not insert 'amdgpu': Key was rejected by service") == ["secure-boot"]


def test_an_override_is_blamed_only_where_the_text_names_it():
    assert found("Segmentation fault (core dumped)") == ["several-gpus"]
    assert found("Segmentation fault\nHSA_OVERRIDE_GFX_VERSION=10.3.0") == ["override-crash"]


def test_what_is_found_here_confirms_and_comes_first():
    likely = find_troubles(("HIP out of memory", "Unable to open /dev/kfd read-write: Permission denied"), "log")

    told = confirm(likely, [LIVE, replace(LIVE, id="hook")])

    assert [(one.finding.id, one.confirmed) for one in told] == [("rights", (LIVE,)), ("out-of-memory", ())]


def test_a_kernels_faults_confirm_by_the_beginning_of_their_name_and_its_warnings_do_not():
    likely = find_troubles(("amdgpu: Unknown symbol amdttm_bo_init (err -2)",), "log")
    fault = replace(LIVE, id="driver-symbols:6.8.0")

    assert [one.confirmed for one in confirm(likely, [fault])] == [(fault,)]
    assert [one.confirmed for one in confirm(likely, [replace(fault, severity=WARNING)])] == [()]


@pytest.mark.parametrize("one", TROUBLES, ids=lambda one: one.id)
def test_a_trouble_is_whole(one: Trouble):
    assert one.signs and all(sign.seen for sign in one.signs)
    for text in (one.what, one.why, one.fix):
        assert not text.endswith(".") and text == text.strip() and text.count("`") % 2 == 0
    asked = set(re.findall(r"\{(\w+)\}", one.what + one.why + one.fix))
    for sign in one.signs:
        assert asked <= {*re.compile(sign.pattern).groupindex, *dict(one.otherwise)}, (sign.pattern, asked)


@pytest.mark.parametrize("one", TROUBLES, ids=lambda one: one.id)
def test_the_rows_that_confirm_a_trouble_are_rows_of_the_diagnosis(one: Trouble):
    assert [row for row in one.rows if not is_row(row)] == []


def test_a_word_that_is_no_row_would_be_seen():
    assert [is_row(row) for row in ("rights", "driver-", "nonsense", "right", "no-")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_colours_and_titles_of_a_terminal_are_gone():
    text = b"\x1b]0;title\x07\x1b[1;31mHIP out of \x1b[0mmemory\x1b[K\r\n"

    assert parse_log(text) == ("HIP out of memory", "")


def test_a_progress_bar_is_many_lines():
    assert parse_log(b"  1%\r 50%\r100%\nHIP out of memory")[-1] == "HIP out of memory"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8", "latin-1"])
def test_other_encodings_are_read(encoding: str):
    content = "Größe: HIP out of memory".encode(encoding)

    assert [one.finding.id for one in find_troubles(parse_log(content), "log")] == ["out-of-memory"]


@pytest.mark.parametrize("content", [b"", b"\n", bytes(range(256)) * 100, b"\x1b[" * 5000, b"all is well {0} {x}"])
def test_text_that_says_nothing_leads_to_nothing(content: bytes):
    lines = parse_log(content)

    assert find_troubles(lines, "log") == ()
    assert all(line.isprintable() for line in lines)


def test_braces_and_back_ticks_in_a_message_are_text():
    (one,) = find_troubles(parse_log(b"`{0}` {library} HIP out of memory {"), "log")

    assert one.text == "'{0}' {library} HIP out of memory {"


def test_a_long_line_is_cut_and_shown_where_it_says_something():
    (one,) = find_troubles(parse_log(b"x" * 500 + b" HIP out of memory " + b"y" * 100_000), "log")

    assert "HIP out of memory" in one.text and len(one.text) <= 162
    assert one.text.startswith("…") and one.text.endswith("…")


@pytest.mark.parametrize("one", TROUBLES, ids=lambda one: one.id)
def test_no_expression_may_take_for_ever_on_a_line_that_somebody_has_made(one: Trouble):
    """What may stand for many letters stands for a number of them."""
    skeletons = [re.sub(r"\\.|\[[^\]]*\]", "x", sign.pattern) for sign in one.signs]

    assert [text for text in skeletons if "*" in text or "+" in text] == []
