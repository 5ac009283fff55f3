"""What people want a card for, and which failures stand in the way of it.

Words are those of a manifest's `known_bad` and of the probe's groups: `conv2d`, `lstm`, `triton`.
"""

from __future__ import annotations

from rocmswitch.model.probe import Operation

TRAINING, INFERENCE, CONVOLUTIONS, TRANSFORMERS = "training", "inference", "convolutions", "transformers"
PURPOSES = (TRAINING, INFERENCE, CONVOLUTIONS, TRANSFORMERS)

ANY = ""
"""As a purpose: everything counts."""
CORE = ("torch", "tensors", "matmul", "linear")
"""Without these there is nothing else."""
_OF_TRAINING = ("backward", "optimizer", "training", "lstm", "gru")
_OF_TRANSFORMERS = ("transformer", "triton", "flash-attention", "attention")
_WAYS_ROUND = {
    "triton": "eager mode does without it",
    "flash-attention": "attention is computed without it, with more memory",
    "float16": "float32 does, with twice the memory",
    "bfloat16": "float32 does, with twice the memory",
    "int8": "wider types do",
}


def is_convolution(word: str) -> bool:
    """Whether it is one of the operations that MIOpen computes for PyTorch, or its replacement."""
    return word.startswith("conv")


def _purpose_of(word: str) -> str:
    """The purpose that *word* belongs to; ANY for what nothing can do without."""
    if word in CORE:
        return ANY
    if is_convolution(word):
        return CONVOLUTIONS
    if word in _OF_TRAINING:
        return TRAINING
    return TRANSFORMERS if word in _OF_TRANSFORMERS else INFERENCE


def is_asked(word: str, purpose: str) -> bool:
    """Whether *purpose* suffers where *word* fails."""
    return purpose == ANY or _purpose_of(word) in (ANY, purpose)


def is_tried_for(operation: Operation, purpose: str) -> bool:
    """Whether what *operation* came to says something of *purpose*."""
    if purpose == TRAINING and operation.backward:
        return True
    if purpose == INFERENCE and operation.backward:
        return False
    return is_asked(operation.group, purpose)


def speaks_for(operation: Operation, purpose: str) -> bool:
    """Whether it is of *purpose* itself: that a matrix product works confirms no convolution."""
    if purpose in (ANY, INFERENCE):
        return is_tried_for(operation, purpose)
    return _purpose_of(operation.group) == purpose or (purpose == TRAINING and operation.backward)


def way_round(word: str) -> str:
    """How one lives without *word*, `eager mode does without it`; empty where one does not."""
    return _WAYS_ROUND.get(word, "")
