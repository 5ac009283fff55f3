"""Talking with a program: what it answers, what it prints, and how its end is told."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from rocmswitch.system.conversation import Conversation

GENEROUS = 120.0
READS = "asked, told = open(int(sys.argv[1])), os.fdopen(int(sys.argv[2]), 'w', buffering=1)\n"


def talk(source: str, folder: Path) -> Conversation:
    program = f"import os, sys, time, json\n{READS}{source}"
    return Conversation(
        lambda requests, answers: [sys.executable, "-c", program, str(requests), str(answers)], os.environ, folder
    )


def soon() -> float:
    return time.monotonic() + GENEROUS


def test_what_is_asked_is_answered_in_turn(tmp_path: Path):
    here = talk("for line in asked: told.write(json.dumps({'got': json.loads(line)}) + '\\n')", tmp_path)

    for number in range(3):
        here.say({"number": number, "name": "ä\n"})
        assert here.hear(soon()) == {"got": {"number": number, "name": "ä\n"}}
    here.close()

    assert here.process.wait() == 0


def test_what_is_no_object_is_passed_over_and_no_answer_is_lost_at_the_end(tmp_path: Path):
    lines = ["no", "[1]", "1", "", "\\x00", "[" * 9999, '{"half"', '{"a": 1}']
    source = f"lines = [*{lines!r}, 'x' * 3_000_000, '{{\"b\": 2}}', '']\ntold.write('\\n'.join(lines))"
    here = talk(f"{source}\ntold.flush()\nos._exit(3)", tmp_path)

    assert [here.hear(soon()), here.hear(soon())] == [{"a": 1}, {"b": 2}]
    with pytest.raises(EOFError):
        here.hear(soon())
    assert here.process.returncode == 3
    here.close()


def test_its_end_is_told_although_another_process_holds_its_pipes(tmp_path: Path):
    source = "print('last', flush=True)\nif os.fork() == 0:\n    os.read(asked.fileno(), 1)\nos._exit(0)"
    here = talk(source, tmp_path)

    with pytest.raises(EOFError):
        here.hear(soon())

    assert here.last_words() == "last\n"
    here.close()  # whereupon the other one reads the end


def test_the_end_of_what_is_printed_is_kept_and_can_be_forgotten(tmp_path: Path):
    source = "for line in asked:\n    print('x' * 5_000_000, 'the end', flush=True)\n    told.write('{}\\n')"
    here = talk(source, tmp_path)
    here.say({})

    assert here.hear(soon()) == {}
    words = here.last_words()
    assert (words.endswith("x the end\n"), len(words)) == (True, 65536)
    here.forget()
    assert here.last_words() == ""
    here.close()


def test_nobody_to_talk_to_is_no_error_until_one_listens(tmp_path: Path):
    here = talk("os._exit(0)", tmp_path)
    here.process.wait()

    here.say({"anybody": "there"})

    with pytest.raises(EOFError):
        here.hear(soon())
    here.close()


def test_silence_is_none(tmp_path: Path):
    here = talk("told.close(); os.close(1); os.close(2)\nfor line in asked: pass", tmp_path)

    assert here.hear(time.monotonic() + 0.3) is None
    here.close()
    assert here.process.wait() == 0


def test_a_program_that_is_not_there_leaves_no_descriptor_open(tmp_path: Path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    with pytest.raises(FileNotFoundError):
        Conversation(lambda requests, answers: [tmp_path / "missing"], os.environ, tmp_path)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
