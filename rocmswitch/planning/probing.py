"""What the probe tries: the one table of operations, and which of them words on the command line mean.

How each is computed is the guest's business (rocmswitch/guest/probe): it gets the name of a recipe and arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import MappingProxyType

from rocmswitch.errors import UsageMistake
from rocmswitch.model.probe import Operation

_FULL, _HALF, _BRAIN, _DOUBLE, _WHOLE = "float32", "float16", "bfloat16", "float64", "int64"
_FLOATS = (_FULL, _HALF, _BRAIN)
_SIZES = (32, 42, 44, 64, 224)
"""Pixels of a side. What RDNA1 is reported to do by MIOpen differs between them: it hangs from 42 or 44 on."""


@dataclass(frozen=True)
class Trial:
    """An operation, and what the guest makes of it."""

    operation: Operation
    recipe: str
    """A function of the guest's."""
    arguments: Mapping[str, object]

    def as_task(self, device: str) -> dict[str, object]:
        """What the guest is told, as JSON."""
        one = self.operation
        return {
            "name": one.name,
            "dtype": one.dtype,
            "backward": one.backward,
            "device": device,
            "recipe": self.recipe,
            "arguments": dict(self.arguments),
        }


def trials() -> tuple[Trial, ...]:
    """All, those first on which the others stand; convolutions late, because a hang may leave the card stuck."""
    return (*_basics(), *_layers(), *_sequences(), *_steps(), *_convolutions(), *_training())


def operations() -> tuple[Operation, ...]:
    return tuple(one.operation for one in trials())


def groups() -> tuple[str, ...]:
    """The rows of the matrix, in the order in which they are tried."""
    return tuple(dict.fromkeys(one.group for one in operations()))


def trial_of(operation: Operation) -> Trial:
    """How *operation*, one of the table, is done. Raises KeyError for another."""
    return {one.operation: one for one in trials()}[operation]


def select(words: Iterable[str], *, quick: bool = False) -> tuple[Operation, ...]:
    """What *words* mean, each a group, a name or a pattern like `conv*-float16`, or several with commas between.

    Without any all are meant; with `quick` one of each group that is meant. In the table's order, each once.
    Raises UsageMistake for a word that means none.
    """
    wanted = [one.strip() for word in words for one in word.split(",") if one.strip()]
    every = operations()
    chosen = {one for word in wanted for one in _meant(word, every)} if wanted else set(every)
    found = tuple(one for one in every if one in chosen)
    return tuple(_quick(found)) if quick else found


def _meant(word: str, every: Sequence[Operation]) -> list[Operation]:
    found = [one for one in every if word in (one.group, one.name)]
    found = found or [one for one in every if fnmatchcase(one.name, word) or fnmatchcase(one.group, word)]
    if not found:
        raise UsageMistake(f"`{word[:60]}` is no operation of the probe: its groups are {', '.join(groups())}")
    return found


def _quick(found: Sequence[Operation]) -> Iterator[Operation]:
    """Of each group the first that computes gradients in single precision; of conv2d the size that hangs."""
    for group in dict.fromkeys(one.group for one in found):
        members = [one for one in found if one.group == group]
        full = [one for one in members if one.dtype == _FULL] or members
        thorough = [one for one in full if one.backward] or full
        yield next((one for one in thorough if "44x44" in one.name), thorough[0])


def _basics() -> Iterator[Trial]:
    tensors = _Group("tensors")
    yield from tensors.of("create", "create", "zeros, ones, ranges", (_FULL,))
    yield from tensors.of("copy", "copy", "to the device and back", (_FULL, _HALF))
    yield from tensors.of("elementwise", "elementwise", "+ - × ÷ and functions", _FLOATS)
    yield from tensors.of("elementwise", "whole_numbers", "+ - × ÷ and bits", (_WHOLE,))
    yield from tensors.of("reduce", "reduce", "sums, extremes, cumulative sums", (_FULL, _WHOLE))
    yield from tensors.of("index", "index", "gather, scatter, masks", (_FULL, _WHOLE))
    yield from tensors.of("sort", "order", "sort, top, unique", (_FULL, _WHOLE))
    matmul = _Group("matmul")
    yield from matmul.of(
        "256", "matmul", "256×256", (*_FLOATS, _DOUBLE), (_FULL,), left=[256, 256], right=[256, 256]
    )
    batched = {"left": [8, 65, 97], "right": [8, 97, 83]}
    yield from matmul.of("batched", "matmul", "8 times 65×97 by 97×83", (_FULL,), **batched)
    linear = _Group("linear")
    yield from linear.of("128-96", "linear", "128 → 96 features", (_FULL,), _FLOATS, features=[128, 96], rows=64)


def _layers() -> Iterator[Trial]:
    norm = _Group("batch-norm")
    yield from norm.of("2d", "batch_norm", "16 channels, as in training", (), _FLOATS, training=True)
    yield from norm.of("2d-fixed", "batch_norm", "16 channels, as in use", (_FULL,), training=False)
    pooling = _Group("pooling")
    pools = (("max", [3, 2, 1]), ("average", [2]), ("adaptive", [[5, 7]]))
    for kind, words in pools:
        half: tuple[str, ...] = (_HALF,) if kind == "max" else ()
        yield from pooling.of(kind, "pool", f"{kind} of 33×47", half, (_FULL,), kind=kind, words=words)
    activations = _Group("activations")
    for kind in ("relu", "gelu", "silu", "softmax"):
        more: tuple[str, ...] = (_HALF, _BRAIN) if kind == "softmax" else ()
        yield from activations.of(kind, "activation", kind, more, (_FULL,), kind=kind)


def _sequences() -> Iterator[Trial]:
    steps: tuple[tuple[str, tuple[str, ...]], ...] = (("LSTM", _FLOATS), ("GRU", (_FULL,)))
    for kind, forward in steps:
        shape = "2 layers of 48, 20 steps"
        yield from _Group(kind.lower()).of("", "recurrent", shape, forward, (_FULL,), kind=kind)
    transformer = _Group("transformer")
    yield from transformer.of("layer", "encoder_layer", "4 heads of 16, 32 steps", _FLOATS, (_FULL,))
    yield from transformer.of("attention", "attention", "4 heads of 32, 64 steps", (_FULL, _HALF), (_FULL,))


def _steps() -> Iterator[Trial]:
    for kind in ("SGD", "Adam"):
        yield from _Group("optimizer").of(
            kind.lower(), "optimizer_steps", f"three steps of {kind}", (_FULL,), kind=kind
        )


def _training() -> Iterator[Trial]:
    yield from _Group("training").of("cnn", "train", "a small CNN to a falling loss", (_FULL,))


def _convolutions() -> Iterator[Trial]:
    conv2d = _Group("conv2d")
    for side in _SIZES:
        both = _FLOATS if side == 44 else (_FULL,)
        words = {"channels": [16, 32], "size": [side, side], "kernel": [3, 3], "padding": 1}
        shape = f"16 → 32 channels at {side}×{side}"
        yield from conv2d.of(f"16-32-{side}x{side}", "convolution", shape, _FLOATS, both, **words)
    pointwise = {"channels": [64, 32], "size": [28, 28], "kernel": [1, 1]}
    yield from conv2d.of("pointwise", "convolution", "64 → 32 channels, 1×1 at 28×28", (), (_FULL,), **pointwise)
    stem = {"channels": [3, 16], "size": [64, 64], "kernel": [7, 7], "padding": 3, "stride": 2}
    yield from conv2d.of(
        "stem", "convolution", "3 → 16 channels, 7×7, every second, at 64×64", (), (_FULL,), **stem
    )
    line = {"channels": [16, 32], "size": [201], "kernel": [5], "padding": 2}
    yield from _Group("conv1d").of("", "convolution", "16 → 32 channels at 201", _FLOATS, (_FULL,), **line)
    space = {"channels": [4, 8], "size": [9, 16, 16], "kernel": [3, 3, 3], "padding": 1}
    yield from _Group("conv3d").of("", "convolution", "4 → 8 channels at 9×16×16", _FLOATS, (_FULL,), **space)
    wide = {"channels": [16, 32], "size": [44, 44], "kernel": [3, 3], "padding": 1}
    up = {**wide, "size": [22, 22], "kernel": [4, 4], "stride": 2, "transposed": True}
    shape = "16 → 32 channels, 22×22 to 44×44"
    yield from _Group("conv-transpose").of("", "convolution", shape, _FLOATS, (_FULL,), **up)
    four = {**wide, "groups": 4}
    shape = "16 → 32 channels in 4 groups at 44×44"
    yield from _Group("conv-grouped").of("", "convolution", shape, _FLOATS, (_FULL,), **four)
    each = {**wide, "channels": [32, 32], "groups": 32}
    shape = "32 channels, each by itself, at 44×44"
    yield from _Group("conv-depthwise").of("", "convolution", shape, _FLOATS, (_FULL,), **each)


@dataclass(frozen=True)
class _Group:
    name: str

    def of(
        self,
        label: str,
        recipe: str,
        shape: str,
        *dtypes: tuple[str, ...],
        **arguments: object,
    ) -> Iterator[Trial]:
        """One for each dtype: *dtypes* are those forward, and perhaps those in which gradients are computed too."""
        start = "-".join(filter(None, (self.name, label)))
        forward, backward = (*dtypes, ())[:2]
        for dtype in forward:
            operation = Operation(f"{start}-{dtype}", self.name, dtype, shape)
            yield Trial(operation, recipe, MappingProxyType(arguments))
        for dtype in backward:
            operation = replace(Operation(f"{start}-{dtype}-backward", self.name, dtype, shape), backward=True)
            yield Trial(operation, recipe, MappingProxyType(arguments))
