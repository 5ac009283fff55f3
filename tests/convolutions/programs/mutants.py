"""How many of some convolutions each of several packages gets wrong: `mutants.py COUNT PACKAGE…`."""

from __future__ import annotations

import sys
from collections import Counter

import torch
from sweep import failures
from trial import report

SEED, BUDGET = 3, 3000

if __name__ == "__main__":
    torch.set_num_threads(1)
    number, packages = int(sys.argv[1]), sys.argv[2:]
    report({package: len(failures(package, SEED, number, BUDGET, Counter())) for package in packages})
