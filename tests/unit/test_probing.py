"""The table of what the probe tries, and what words mean of it."""

from __future__ import annotations

import pytest

from rocmswitch.errors import UsageMistake
from rocmswitch.model.grammar import WORD
from rocmswitch.planning.probing import groups, operations, select, trial_of, trials


def names(*words: str, quick: bool = False) -> list[str]:
    return [one.name for one in select(words, quick=quick)]


def test_every_operation_has_a_name_of_its_own_that_a_manifest_can_write():
    found = [one.name for one in operations()]

    assert len(found) == len(set(found))
    assert [one for one in (*found, *groups()) if not WORD.fullmatch(one)] == []


def test_the_groups_are_those_that_manifests_know():
    assert groups() == (
        *("tensors", "matmul", "linear", "batch-norm", "pooling", "activations", "lstm", "gru", "transformer"),
        *(
            "optimizer",
            "conv2d",
            "conv1d",
            "conv3d",
            "conv-transpose",
            "conv-grouped",
            "conv-depthwise",
            "training",
        ),
    )


@pytest.mark.parametrize("side", [32, 42, 44, 64, 224])
def test_every_size_at_which_a_card_is_known_to_hang_is_tried_in_every_type_and_backward(side: int):
    start = f"conv2d-16-32-{side}x{side}"

    found = names(f"{start}-*")

    assert {f"{start}-{dtype}" for dtype in ("float32", "float16", "bfloat16")} | {f"{start}-float32-backward"} <= {
        *found
    }


def test_every_group_that_learns_is_tried_backward():
    learns = [group for group in groups() if group not in ("tensors", "optimizer", "training")]

    assert [group for group in learns if not any(one.backward for one in select([group]))] == []


def test_without_words_everything_is_meant():
    assert select(()) == operations()


def test_a_word_is_a_group_a_name_or_a_pattern_and_several_stand_between_commas():
    assert names("gru , conv1d-float32", "lstm-b*") == [
        *("lstm-bfloat16", "gru-float32", "gru-float32-backward", "conv1d-float32"),
    ]


def test_a_group_is_not_also_a_pattern_for_others():
    assert {one.group for one in select(["conv2d"])} == {"conv2d"}


def test_the_quick_choice_is_one_of_each_group_and_of_conv2d_the_size_that_hangs():
    found = select((), quick=True)

    assert [one.group for one in found] == list(groups())
    assert "conv2d-16-32-44x44-float32-backward" in [one.name for one in found]


def test_the_quick_choice_of_chosen_words_is_among_these():
    assert names("*float16*", quick=True)[:2] == ["tensors-copy-float16", "matmul-256-float16"]


@pytest.mark.parametrize("word", ["conv", "conv2d-*-int8", "[", "\x1b[2J" + "x" * 500])
def test_a_word_that_means_nothing_is_refused_with_the_groups(word: str):
    with pytest.raises(UsageMistake, match="its groups are tensors, matmul,") as caught:
        select(["matmul", word])

    assert len(str(caught.value)) < 400


def test_what_the_guest_is_told_is_all_that_it_needs():
    (one,) = select(["conv-depthwise-float32"])

    assert trial_of(one).as_task("cuda") == {
        "name": "conv-depthwise-float32",
        "dtype": "float32",
        "backward": False,
        "device": "cuda",
        "recipe": "convolution",
        "arguments": {"channels": [32, 32], "size": [44, 44], "kernel": [3, 3], "padding": 1, "groups": 32},
    }


def test_every_operation_leads_back_to_its_trial():
    assert [trial_of(one.operation) for one in trials()] == list(trials())
