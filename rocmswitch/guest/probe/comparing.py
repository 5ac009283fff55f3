"""Whether what a device computed is right, apart from rounding."""

from __future__ import annotations

from typing import Any, Sequence

TOLERANCES = {
    "float64": (1e-10, 1e-11),
    "float32": (1e-4, 2e-5),
    "float16": (1e-2, 3e-3),
    "bfloat16": (2e-2, 7e-3),
    "int64": (0.0, 0.0),
    "exact": (0.0, 0.0),
}
"""The largest error of a single value, relative to the largest value of the reference, and the root of the mean
square of all errors, relative to that of the reference.

The first finds a value that is wrong, the second one that is wrong by a little everywhere. Rounding a result to
bfloat16, which has 8 bits, to float16 (11) or float32 (24) makes errors of up to 4e-3, 5e-4 or 6e-8, and a third of
that as a mean; several layers and long sums multiply it, up to 6e-3, 1e-3 and 5e-6 on processors. Between what is
seen there and the limit there is room for other orders of summation and for Winograd's way of convolving. In every
type 1 % everywhere is above the second limit.
"""

Named = Sequence["tuple[str, Any]"]


def compare(torch: Any, found: Named, expected: Named, dtype: str) -> tuple[float | None, str]:
    """The largest relative error of all, None where a value is not finite; and what is wrong, empty if nothing."""
    if len(found) != len(expected):
        return None, f"{len(found)} results where {len(expected)} are expected"
    worst, complaint = 0.0, ""
    for (name, one), (_, right) in zip(found, expected):
        difference, said = _one(torch, one.detach().cpu(), right.detach(), TOLERANCES[dtype])
        if difference is None:
            return None, f"the {name} {said}"
        if difference >= worst:
            worst = difference
        if said and not complaint:
            complaint = f"the {name} {said}"
    return worst, complaint


def _one(torch: Any, found: Any, right: Any, allowed: tuple[float, float]) -> tuple[float | None, str]:
    if found.shape != right.shape:
        return None, f"has the shape {tuple(found.shape)} instead of {tuple(right.shape)}"
    found, right = found.double(), right.double()
    bad = int((~torch.isfinite(found)).sum())
    if bad:
        return None, f"has {bad} of {found.numel()} values that are not finite"
    errors = (found - right).abs()
    largest = float(right.abs().max()) or 1.0
    difference = float(errors.max()) / largest
    typical = float(errors.norm()) / (float(right.norm()) or 1.0)
    if difference > allowed[0]:
        count = int((errors > allowed[0] * largest).sum())
        rule = f"where {allowed[0]:.0e} is rounding" if allowed[0] else "where nothing is rounded"
        return difference, f"is off by {difference:.1e} of its largest value in {count} of {found.numel()}, {rule}"
    if typical > allowed[1]:
        return difference, f"is off by {typical:.1e} all over, where {allowed[1]:.0e} is rounding"
    return difference, ""
