"""Convolutions chosen by chance, forward and all gradients, against torch's own: `sweep.py COUNT BUDGET SEED…`.

In float64 they have to agree nearly exactly, and to lie in memory in the same order; every fourth is also computed
in one of the shorter types, and held against float64.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from itertools import islice

import torch
from trial import LAYOUTS, PACKAGE, Case, cases, difference, installed, order, passes, report

SHORTER = (torch.float32, torch.float16, torch.bfloat16)


def failures(package: str, seed: int, number: int, budget: int, counts: Counter[str]) -> list[str]:
    """What is wrong; *counts* tells afterwards what was computed, and by whom."""
    found = []
    chosen = _chosen(seed, number)
    with installed(package, budget=budget, delegates=False) as module:
        for case, index, layout, native in chosen:
            wrong = _compared(case, index, layout, native)
            counts["checked"] += 1
            if index % 4 == 0:
                counts["shorter"] += 1
                wrong = wrong or _shorter(case, index, native)
            found += [f"{case} {layout}: {wrong}"] if wrong else []
        counts.update(module.counts())
        counts.update(f"way: {one}" for one in module.ways())
    return found


@cache
def _chosen(seed: int, number: int) -> list[tuple[Case, int, str, list[torch.Tensor]]]:
    """Each with its number, its layout and what torch says of it: to be called while nothing is installed."""
    numbered = enumerate(islice(cases(seed), number))
    some = [(case, index, LAYOUTS[index % len(LAYOUTS)]) for index, case in numbered]
    return [(case, index, layout, passes(case, index, layout=layout)) for case, index, layout in some]


def _compared(case: Case, index: int, layout: str, native: list[torch.Tensor]) -> str:
    # What fails in any way is one failure, and the others are still tried.
    try:
        ours = passes(case, index, layout=layout)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    orders = [[order(one) for one in each] for each in (ours, native)]
    wrong = difference(ours, native, torch.float64)
    return wrong or ("" if orders[0] == orders[1] else f"lie as {orders[0]}, not as {orders[1]}")


def _shorter(case: Case, index: int, native: list[torch.Tensor]) -> str:
    dtype = SHORTER[index // 4 % len(SHORTER)]
    return difference(passes(case, index, dtype, LAYOUTS[index % len(LAYOUTS)]), native, dtype)


def main(number: int, budget: int, *seeds: int) -> None:
    counts: Counter[str] = Counter()
    wrong = [one for seed in seeds for one in failures(PACKAGE, seed, number, budget, counts)]
    report({**counts, "failures": wrong[:5], "wrong": len(wrong)})


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*(int(word) for word in sys.argv[1:]))
