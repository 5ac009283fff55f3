"""Reports of the probe, as its children would have given them.

report = made_report(outcome("conv2d", "hang", shape="16 → 32 channels at 44×44"))
"""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.model.probe import CRASH, ERROR, HANG, OK, WRONG, Operation, Outcome, Report, Surroundings

STACK, TARGET = "rocm-6.2.4", "gfx1010"
SIZES = ("32×32", "42×42", "44×44", "64×64", "224×224")
ON_CARD = Surroundings(
    target=TARGET,
    card="Radeon RX 5700 XT",
    device="cuda",
    device_name="AMD Radeon RX 5700 XT",
    torch="2.5.1+rocm6.2",
    hip="6.2.41133",
    cuda="",
    python="3.12.3",
    stack=STACK,
    venv="myproj",
    kernel="6.8.0-49-generic",
    glibc="2.39",
    driver="6.8.5",
    convolutions="vendor",
    environment=(("HSA_OVERRIDE_GFX_VERSION", "10.3.0"),),
)
ON_PROCESSOR = replace(ON_CARD, target="", card="", device="cpu", device_name="cpu", driver="", hip="")
BY_CUDA = replace(ON_CARD, target="", card="", device_name="NVIDIA H200", driver="", hip="", cuda="13.0")


def outcome(
    group: str,
    result: str = OK,
    *,
    dtype: str = "float32",
    shape: str = "",
    backward: bool = False,
    seconds: float = 0.001,
    difference: float | None = None,
    detail: str = "",
) -> Outcome:
    """One whose name says what it is; what did not end took no time."""
    parts = (group, shape.replace(" ", "-"), dtype, "backward" if backward else "")
    operation = Operation("-".join(filter(None, parts)), group, dtype, shape, backward)
    return Outcome(operation, result, seconds if result in (OK, WRONG) else 0.0, difference, detail)


def made_report(
    *outcomes: Outcome,
    created: str = "2026-11-20T16:00:00Z",
    on: Surroundings = ON_CARD,
    planned: int = 0,
) -> Report:
    return Report(created, "0.1.0", 60.0, on, outcomes, planned)


def hanging_from(size: str = "44×44", *, dtypes: tuple[str, ...] = ("float32", "float16", "bfloat16")) -> Report:
    """A card as RDNA1 is told to be: convolutions hang from *size* on, little else fails."""
    first = SIZES.index(size)
    convolutions = [
        outcome(
            "conv2d",
            HANG if index >= first else OK,
            dtype=dtype,
            shape=f"16 → 32 channels at {one}",
            backward=backward,
            seconds=0.0008 * (index + 1),
            detail="it had not ended after 60 s" if index >= first else "",
        )
        for dtype in dtypes
        for index, one in enumerate(SIZES)
        for backward in (False, True)
    ]
    others = [outcome(group, dtype=dtype, seconds=0.0004) for group in ("matmul", "linear") for dtype in dtypes]
    return made_report(
        outcome("tensors", dtype="float32", seconds=0.00035),
        outcome("tensors", dtype="int64", seconds=0.00005),
        *others,
        outcome("lstm", CRASH, detail="SIGSEGV"),
        outcome("gru", ERROR, dtype="float16", detail="RuntimeError: miopenStatusUnknownError"),
        outcome("batch-norm", WRONG, dtype="bfloat16", difference=0.03, detail="relative error 0.03"),
        *convolutions,
    )
