"""Convolutions without the vendor's library, beside it: layers, networks, memory, and what really ran.

Runs in a Python with torch, torchvision and a CUDA or ROCm device: `scripts/bench convolutions --python PYTHON`.
Both sides have PyTorch's own BatchNorm and no TF32. Each round measures every way once, in another order, by the
device's events, the convolutions alone with launches queued before the clock starts; a figure counts where its
rounds spread by less than a tenth. What limits say is checked; exit code 1 where one is missed.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torchvision
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.convnets import (
    FLAG,
    LAYERS,
    OURS,
    UNFOLD,
    VENDOR,
    WAYS,
    Layer,
    has_groups,
    layers_of,
    unfolded,
    way,
)

STEADY = 0.10
"""Of the median: by how much the middle half of the rounds may spread for a figure to count."""
LAYER_LIMIT, MEMORY_LIMIT, PEAK_LIMIT = 1.10, 1.05, 1.2
NETWORK_LIMITS = {"resnet50": (1.25, 1.35), "resnext50_32x4d": (1.3, 1.3)}
"""Convolutions alone beside the vendor's, forward and with gradients."""
VENDORS_KERNEL = re.compile(r"cudnn|fprop|dgrad|wgrad|implicit|winograd|convolve|miopen|igemm", re.IGNORECASE)
_BEFORE = 20_000_000
"""Cycles that the device waits before the clock starts, so that what is measured was already launched."""

Step = Callable[[], object]


@dataclass
class Series:
    """Milliseconds of each way, round by round."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, milliseconds: float) -> None:
        self.rounds.setdefault(name, []).append(milliseconds)

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def spread(self, name: str) -> float:
        """The middle half, as a share of the median."""
        low, _, high = statistics.quantiles(self.rounds[name], n=4)
        return (high - low) / self.median(name)

    def ratio(self, name: str, other: str) -> float:
        """The median of the rounds' own ratios: what slows a whole round down falls out."""
        pairs = zip(self.rounds[name], self.rounds[other], strict=True)
        return statistics.median(one / two for one, two in pairs)

    def is_steady(self, *names: str) -> bool:
        return all(self.spread(name) < STEADY for name in names)

    def shown(self, name: str) -> str:
        if name not in self.rounds:
            return f"{'—':>16}"
        mark = " " if self.spread(name) < STEADY else "?"
        return f"{self.median(name):8.3f} ±{self.spread(name) * 100:3.0f}%{mark}"


def on_device(step: Step, repeats: int, *, queued: bool) -> float:
    """Milliseconds of one *step*, by the device's clock."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    if queued:
        torch.cuda._sleep(_BEFORE)
    start.record()
    for _ in range(repeats):
        step()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / repeats


def interleave(steps: Mapping[str, Sequence[Step]], rounds: int, repeats: int, *, queued: bool = True) -> Series:
    """Measure each way's steps, one after the other, in every round; warmed up once."""
    series = Series()
    for index in range(-1, rounds):
        order = list(steps)
        random.Random(index).shuffle(order)
        for name in order:
            with way(name):
                for step in steps[name]:
                    step()
                taken = sum(on_device(step, repeats, queued=queued) for step in steps[name])
            if index >= 0:
                series.add(name, taken)
    return series


def forward_of(layer: Layer, dtype: torch.dtype = torch.float32, *, unfold: bool = False) -> tuple[Step, Step]:
    """Without gradients, and with those of input and weights."""
    conv = layer.make().cuda().to(dtype)
    if unfold:
        conv = unfolded(nn.Sequential(conv))
    x = torch.randn(layer.shape, device="cuda", dtype=dtype, requires_grad=layer.needs_input_gradient)
    wanted = [*conv.parameters(), *([x] if layer.needs_input_gradient else [])]
    with torch.no_grad():
        gradient = torch.randn_like(conv(x))

    def alone() -> None:
        with torch.no_grad():
            conv(x)

    def trained() -> object:
        return torch.autograd.grad(conv(x), wanted, gradient)

    return alone, trained


def measure_layers(layers: Iterable[Layer], rounds: int) -> bool:
    """The table of layers. False where one is slower than the flag alone by more than it may be."""
    good = True
    print(f"\n{'layer, ms':28}{'vendor':>16}{'flag':>16}{'ours':>16}   ours/flag  ours/vendor")
    for layer in layers:
        for index, kind in enumerate(("forward", "with gradients")):
            steps = {name: [forward_of(layer)[index]] for name in (VENDOR, FLAG, OURS)}
            found = interleave(steps, rounds, 5)
            ratio = found.ratio(OURS, FLAG)
            fits = ratio <= LAYER_LIMIT
            good &= fits
            shown = "".join(found.shown(name) for name in steps)
            name = layer.name if not index else f"  {kind}"
            print(
                f"{name:28}{shown}   {ratio:6.2f}{' ' if fits else '!'}   {found.ratio(OURS, VENDOR):6.2f}",
                flush=True,
            )
    return good


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None)
    assert isinstance(model, nn.Module)
    return model.cuda()


def whole(model: nn.Module, images: Tensor) -> tuple[Step, Step]:
    """The network as somebody runs it: forward alone, and a step of training without its optimizer."""

    def alone() -> None:
        with torch.no_grad():
            model(images)

    def trained() -> None:
        model.zero_grad(set_to_none=True)
        model(images).sum().backward()

    return alone, trained


def measure_network(name: str, count: int, rounds: int) -> bool:
    """Its convolutions alone, and the whole. False where a limit is missed."""
    images = torch.randn(count, 3, 224, 224, device="cuda")
    model = network(name)
    seeds = not has_groups(model)
    layers = layers_of(model, images)
    good = True
    limits = NETWORK_LIMITS.get(name, (None, None)) if count > 1 else (None, None)
    other = unfolded(network(name)) if seeds else None
    for index, kind in enumerate(("forward", "with gradients")):
        made = [forward_of(layer)[index] for layer in layers]
        steps: dict[str, Sequence[Step]] = dict.fromkeys((VENDOR, FLAG, OURS), made)
        if seeds:
            steps[UNFOLD] = [forward_of(layer, unfold=True)[index] for layer in layers_of(model, images)]
        good &= report(f"{name} N={count}, convolutions {kind}", interleave(steps, rounds, 2), limits[index])
        del made, steps
        torch.cuda.empty_cache()
        wholes: dict[str, Sequence[Step]] = {way_: [whole(model, images)[index]] for way_ in (VENDOR, FLAG, OURS)}
        if other is not None:
            wholes[UNFOLD] = [whole(other, images)[index]]
        report(f"{name} N={count}, whole {kind}", interleave(wholes, rounds, 3, queued=False), None)
    return good


def report(title: str, found: Series, limit: float | None) -> bool:
    ratios = {name: found.ratio(name, VENDOR) for name in found.rounds if name != VENDOR}
    shown = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    times = "  ".join(f"{name}{found.shown(name)}" for name in WAYS if name in found.rounds)
    steady = found.is_steady(OURS, VENDOR)
    fits = limit is None or ratios[OURS] <= limit
    verdict = "" if limit is None else f"  limit {limit}{'' if fits else ' MISSED'}"
    print(f"{title}: {shown}{verdict}{'' if steady else '  (unsteady)'}\n    {times}", flush=True)
    return fits


def measure_memory(name: str = "resnet50", count: int = 32) -> bool:
    """The most memory of a step of training, beside the vendor's."""
    peaks = {}
    for one in (VENDOR, FLAG, OURS):
        images, model = torch.randn(count, 3, 224, 224, device="cuda"), network(name)
        with way(one):
            for _ in range(2):
                whole(model, images)[1]()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            whole(model, images)[1]()
            peaks[one] = torch.cuda.max_memory_allocated() / 2**20
        del images, model
        torch.cuda.empty_cache()
    ratio = peaks[OURS] / peaks[VENDOR]
    shown = ", ".join(f"{one} {peak:.0f} MiB" for one, peak in peaks.items())
    print(f"\n{name} N={count}, peak of training: {shown}; ours/vendor {ratio:.3f}, limit {MEMORY_LIMIT}")
    return bool(ratio <= MEMORY_LIMIT)


def measure_peaks(layers: Iterable[Layer], budget: int) -> bool:
    """What a backward takes above its inputs and results, in budgets."""
    good = True
    print("\nabove the live tensors, in budgets: forward, backward")
    for layer in layers:
        conv = layer.make().cuda()
        x = torch.randn(layer.shape, device="cuda", requires_grad=layer.needs_input_gradient)
        wanted = [*conv.parameters(), *([x] if layer.needs_input_gradient else [])]
        with way(OURS):
            above = []
            for _ in range(2):
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
                y = conv(x)
                above.append((torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()) / budget)
                gradient = torch.randn_like(y)
                torch.cuda.reset_peak_memory_stats()
                gradients = torch.autograd.grad(y, wanted, gradient)
                above.append((torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()) / budget)
                del y, gradient, gradients
        fits = above[3] <= PEAK_LIMIT
        good &= fits
        print(f"  {layer.name:28}{above[2]:6.2f}{above[3]:6.2f}{'' if fits else ' !'}")
    return good


def check_kernels(names: Sequence[str]) -> bool:
    """No kernel of the vendor's convolutions in a forward and backward of each network."""
    good = True
    for name in names:
        images, model = torch.randn(8, 3, 224, 224, device="cuda"), network(name)
        with way(OURS), profile(activities=[ProfilerActivity.CUDA]) as seen:
            whole(model, images)[1]()
            torch.cuda.synchronize()
        kernels = {one.key for one in seen.key_averages()}
        vendors = sorted(one for one in kernels if VENDORS_KERNEL.search(one) and "depthwise" not in one)
        with way(VENDOR), profile(activities=[ProfilerActivity.CUDA]) as beside:
            whole(model, images)[1]()
            torch.cuda.synchronize()
        control = [one.key for one in beside.key_averages() if VENDORS_KERNEL.search(one.key)]
        good &= not vendors and bool(control)
        print(f"{name}: {len(kernels)} kernels, of the vendor's convolutions {vendors}; with them {len(control)}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=["kernels", "layers", "peaks", "memory", "networks"])
    parser.add_argument("--networks", nargs="*", default=["resnet50", "resnext50_32x4d", "mobilenet_v2"])
    chosen = parser.parse_args()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {chosen.rounds} rounds, fp32 without TF32")
    good = True
    if "kernels" in chosen.only:
        good &= check_kernels(chosen.networks)
    if "layers" in chosen.only:
        good &= measure_layers(LAYERS, chosen.rounds)
    if "peaks" in chosen.only:
        good &= measure_peaks(LAYERS, 64 * 2**20)
    if "memory" in chosen.only:
        good &= measure_memory()
    if "networks" in chosen.only:
        for name in chosen.networks:
            good &= measure_network(name, 32, chosen.rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
