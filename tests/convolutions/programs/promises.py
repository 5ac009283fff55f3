"""What installing, taking away, choosing and refusing promise."""

from __future__ import annotations

import sys
import threading
import warnings
from itertools import product
from typing import Any

import torch
from checks import natively, run, same
from torch import nn
from torch.nn import functional
from trial import order, registration

FLAGS = (False, False)
"""benchmark, deterministic."""


def _tensors(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(5)
    return [torch.randn(shape, generator=chance).requires_grad_() for shape in shapes]


def _with_gradients(result: torch.Tensor, *tensors: torch.Tensor) -> list[torch.Tensor]:
    return [result, *torch.autograd.grad(result.square().sum(), tensors)]


def miopen_convolution_is_one() -> str:
    image, weight, bias = _tensors((2, 4, 9, 8), (6, 2, 3, 3), (6,))
    ours = torch.miopen_convolution(image, weight, bias, (1, 2), (2, 1), (1, 2), 2, *FLAGS)
    exact = natively(functional.conv2d, image, weight, bias, (2, 1), (1, 2), (1, 2), 2)
    return same(_with_gradients(ours, image, weight, bias), natively(_with_gradients, exact, image, weight, bias))


def miopen_depthwise_convolution_is_one() -> str:
    image, weight, bias = _tensors((2, 4, 9, 8), (8, 1, 3, 3), (8,))
    ours = torch.miopen_depthwise_convolution(image, weight, bias, (1, 1), (2, 1), (1, 2), 4, *FLAGS)
    exact = natively(functional.conv2d, image, weight, bias, (2, 1), (1, 1), (1, 2), 4)
    return same(_with_gradients(ours, image, weight, bias), natively(_with_gradients, exact, image, weight, bias))


def miopen_convolution_transpose_is_one() -> str:
    image, weight, bias = _tensors((2, 4, 5, 6), (4, 3, 3, 3), (6,))
    ours = torch.miopen_convolution_transpose(image, weight, bias, (1, 0), (1, 0), (2, 1), (1, 2), 2, *FLAGS)
    exact = natively(functional.conv_transpose2d, image, weight, bias, (2, 1), (1, 0), (1, 0), 2, (1, 2))
    return same(_with_gradients(ours, image, weight, bias), natively(_with_gradients, exact, image, weight, bias))


def convolutions_that_a_frozen_graph_joins_with_relu_are_ones() -> str:
    image, weight, bias = (one.detach() for one in _tensors((2, 4, 9, 8), (6, 2, 3, 3), (6,)))
    settings = ((2, 1), (1, 2), (1, 2), 2)
    exact = natively(functional.conv2d, image, weight, bias, *settings)
    other = torch.randn_like(exact)
    ours, expected = [], []
    for vendor in ("miopen", "cudnn"):
        joined = getattr(torch.ops.aten, f"{vendor}_convolution_relu").default
        added = getattr(torch.ops.aten, f"{vendor}_convolution_add_relu").default
        ours += [joined(image, weight, bias, *settings), added(image, weight, other, 0.5, bias, *settings)]
        ours += [added(image, weight, other, None, None, *settings)]
        expected += [exact.relu(), (exact + 0.5 * other).relu()]
        expected += [(exact - bias.view(1, -1, 1, 1) + other).relu()]
    return same(ours, expected)


def miopen_batch_norm_is_torchs_own() -> str:
    def normalised(function: Any, *last: Any) -> list[torch.Tensor]:
        image, weight, bias = _tensors((4, 3, 5, 5), (3,), (3,))
        mean, variance = torch.zeros(3), torch.ones(3)
        result = function(image, weight, bias, mean, variance, *last)
        result = result if isinstance(result, torch.Tensor) else result[0]
        return [*_with_gradients(result, image, weight, bias), mean, variance]

    functional.conv2d(*(one.detach() for one in _tensors((1, 1, 3, 3), (1, 1, 1, 1))))
    ours = normalised(torch.miopen_batch_norm, True, 0.1, 1e-5)
    return same(ours, normalised(torch.batch_norm, True, 0.1, 1e-5, False))


def a_tensor_that_is_not_wanted_goes_the_native_way() -> str:
    module, model = registration(), nn.Conv2d(3, 4, 3)
    image = torch.randn(2, 3, 8, 8)
    expected = [model(image)]
    asked = []
    module.install("CPU", lambda tensor: bool(asked.append(tensor.dtype)), budget=2000, delegates=False)
    wrong = same([model(image)], expected)
    model(image).sum().backward()
    if module.counts() != {"forward": 0, "backward": 0, "native": 0} or len(asked) < 3:
        return f"{module.counts()} after {len(asked)} questions"
    module.install("CPU", lambda tensor: True, delegates=False)
    model(image)
    return wrong


def delegates_are_used_unless_told_not_to() -> str:
    module, found = registration(), []
    for delegates in (True, False):
        module.install("CPU", delegates=delegates)
        functional.conv2d(torch.randn(2, 4, 8, 8), torch.randn(4, 1, 3, 3), groups=4)
        functional.conv1d(torch.randn(2, 4, 8), torch.randn(4, 1, 3), groups=4)
        functional.conv3d(torch.randn(2, 4, 8, 8, 8), torch.randn(4, 4, 3, 3, 3))
        functional.conv2d(torch.randn(1, 4, 8, 8), torch.randn(4, 4, 3, 3))
        functional.conv2d(torch.randn(2, 4, 8, 8), torch.randn(4, 4, 3, 3))
        found.append(module.counts())
    due = [{"forward": 1, "backward": 0, "native": 4}, {"forward": 5, "backward": 0, "native": 0}]
    return "" if found == due else f"{found}"


def one_plan_is_not_taken_for_another() -> str:
    """The same tensors with other settings, all in one installation."""
    image, weight, bias = (one.detach() for one in _tensors((2, 4, 9, 9), (4, 4, 3, 3), (4,)))
    each = product((1, 2), (0, 1, 2), (1, 2), (False, True), (0, 1), (None, bias))
    settings = [one for one in each if one[4] < max(one[0], one[2]) and (one[3] or not one[4])]
    exact = [natively(_convolved, image, weight, *one) for one in settings]
    ours = [_convolved(image, weight, *one) for _ in range(2) for one in settings]
    return same(ours, exact * 2)


def _convolved(image: torch.Tensor, weight: torch.Tensor, *settings: Any) -> torch.Tensor:
    stride, padding, dilation, transposed, extra, bias = settings
    pairs = [[number] * 2 for number in (stride, padding, dilation)]
    return torch.convolution(image, weight, bias, *pairs, transposed, [extra] * 2, 1)


def taken_away_torch_is_as_before() -> str:
    module = registration()
    image, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    ours = functional.conv2d(image, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            module.uninstall()
            module.uninstall()
            native = functional.conv2d(image, weight)
            if module.is_installed() or module.counts():
                return "it says that it is installed"
            module.install("CPU", delegates=False)
            module.install("CPU", delegates=False)
    functional.conv2d(image, weight)
    return same(ours, native) or ("" if module.counts()["forward"] == 1 else f"{module.counts()}")


def a_torch_without_what_is_needed_is_left_alone() -> str:
    module, wrong = registration(), []
    functional.conv2d(torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3))
    module.uninstall()
    for name in ("_select_conv_backend", "_get_cudnn_enabled"):
        kept = getattr(torch._C, name)
        delattr(torch._C, name)
        try:
            module.install("CPU")
            wrong.append(f"installed without {name}")
        except module.Unsupported as error:
            wrong += [] if name in str(error) and "\n" not in str(error) else [str(error)]
        finally:
            setattr(torch._C, name, kept)
    return "; ".join(wrong) or ("it is installed" if module.is_installed() else "")


def a_torch_that_foretells_no_format_gets_contiguous_results() -> str:
    """1.13 is such a one."""
    module, name = registration(), "_conv_determine_backend_memory_format"
    image = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(4, 3, 3, 3)
    expected = natively(functional.conv2d, image, weight)
    kept = getattr(torch._C, name)
    delattr(torch._C, name)
    try:
        module.install("CPU", delegates=False)
        ours = functional.conv2d(image, weight)
    finally:
        setattr(torch._C, name, kept)
    return same(ours, expected) or ("" if ours.is_contiguous() else f"{ours.stride()}")


def the_budget_is_read_from_the_environment() -> str:
    module, name = registration(), "ROCMSWITCH_CONV_BUDGET"
    functional.conv2d(torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3))
    default = 64 << 20
    good = {"": default, "128": 128 << 20, " 0.5 ": 1 << 19}
    found = {said: module.budget_from({name: said}) for said in good}
    if found != good or module.budget_from({}) != default:
        return f"{found}"
    for said in ("nan", "-1", "0", "inf", "much", "1e99", "٣x"):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            if module.budget_from({name: said}) != default or len(told) != 1:
                return f"{said!r} gave {len(told)} warnings"
    return ""


def what_it_does_not_compute_is_refused_or_computed_by_torch() -> str:
    """Types, layouts and shapes that are not its own: the same result, or the same error."""
    image, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    calls = [
        (image.double(), weight),
        (image, weight.half()),
        (image, weight, torch.zeros(4).double()),
        (image, weight, torch.zeros(5)),
        (image.int(), weight.int()),
        (image.to(torch.complex64), weight.to(torch.complex64)),
        (image, weight.to_sparse()),
        (image[:0], weight),
        (image, weight[:0]),
        (image[:, :0], weight[:, :0]),
        (image[0, 0, 0], weight),
        (image, weight, None, 0),
        (image, weight, None, 1, -1),
        (image, weight, None, 1, 0, 0),
        (image, weight, None, 1, 0, 9),
        (image, weight, None, (1, 1, 1)),
        (image, weight, None, 1, 0, 1, 0),
        (image, weight, None, 1, 0, 1, 2),
        (image, torch.randn(4, 3, 30, 30)),
    ]
    functional.conv2d(image, weight)
    wrong = [f"{number}: {ours} is not {native}" for number, ours, native in _both(calls) if ours != native]
    return "; ".join(wrong)


def _both(calls: list[Any]) -> Any:
    for number, call in enumerate(calls):
        yield number, _ending(call), natively(_ending, call)


def _ending(call: Any) -> tuple[str, str]:
    try:
        result = functional.conv2d(*call)
    except Exception as error:  # noqa: BLE001  # of any type: it is what is compared
        return type(error).__name__, str(error)
    return f"{result.dtype} {tuple(result.shape)}", f"{result.abs().double().sum():.4g}"


def sums_of_short_types_are_kept_whole_until_they_are_complete() -> str:
    """A part of a sum need not fit the type of the whole: here the rows of the kernel take each other away."""
    image = torch.full((2, 8, 20, 20), 100, dtype=torch.float16)
    weight = torch.full((8, 8, 3, 3), 100, dtype=torch.float16)
    weight[:, :, 1] = -200
    ours = [functional.conv2d(image, weight), functional.conv_transpose2d(image, weight, padding=2)]
    return same(ours, [torch.zeros_like(one) for one in ours])


def tensors_of_a_class_of_their_own_are_not_asked_about_what_is_inside() -> str:
    """Such a class may refuse what it does not know, and a backward pass reads what the forward pass was given."""
    image, weight = (one.detach() for one in _tensors((2, 4, 9, 8), (6, 4, 3, 3)))

    def gradients() -> list[torch.Tensor]:
        asked.clear()
        given = image.clone().as_subclass(Asking).requires_grad_()
        parameter = nn.Parameter(weight)
        result = functional.conv2d(given, parameter).as_subclass(torch.Tensor).square().sum()
        result.backward()
        return [parameter.grad]

    ours, found = gradients(), list(asked)
    native, due = natively(gradients), list(asked)
    return same(ours, native) or ("" if found == due else f"asked for {found}, not for {due}")


asked: list[str] = []


class Asking(torch.Tensor):
    """Notes what it is asked for."""

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, words: Any = (), named: Any = None) -> Any:
        asked.append(getattr(function, "__name__", ""))
        return super().__torch_function__(function, types, words, named)


def results_of_one_channel_lie_as_torchs_own() -> str:
    """Such an image lies in both orders at once."""
    words = {"memory_format": torch.channels_last}
    image, *weights = torch.randn(4, 1, 28, 28), torch.randn(8, 1, 3, 3), torch.randn(8, 1, 1, 1)
    image = image.to(**words).requires_grad_()
    for weight in weights:

        def passes(weight: torch.Tensor = weight) -> list[torch.Tensor]:
            return _with_gradients(functional.conv2d(image, weight), image)

        ours, exact = passes(), natively(passes)
        if same(ours, exact) or [order(one) for one in ours] != [order(one) for one in exact]:
            return same(ours, exact) or f"{ours[0].stride()} is not {exact[0].stride()}"
    return ""


def the_same_bits_come_out_each_time() -> str:
    torch.use_deterministic_algorithms(True)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 3, stride=2), nn.Conv2d(4, 4, 1))
    image = torch.randn(5, 3, 11, 11)
    results = [_with_gradients(model(image), *model.parameters()) for _ in range(3)]
    torch.use_deterministic_algorithms(False)
    equal = all(
        torch.equal(one, other) for again in results[1:] for one, other in zip(results[0], again, strict=True)
    )
    return "" if equal else "they differ"


def threads_do_not_disturb_one_another() -> str:
    found: dict[int, str] = {}

    def work(number: int) -> None:
        chance = torch.Generator().manual_seed(number)
        weight = torch.randn(4, 3, 3, 3, generator=chance)
        images = [torch.randn(2, 3, 6 + size, 7, generator=chance) for size in range(40)]
        ours[number] = [functional.conv2d(image, weight, padding=1) for image in images]
        exact[number] = [functional.conv2d(image.double(), weight.double(), padding=1) for image in images]

    ours: dict[int, list[torch.Tensor]] = {}
    exact: dict[int, list[torch.Tensor]] = {}
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for number in range(4):
        pairs = zip(ours[number], exact[number], strict=True)
        found[number] = "; ".join(filter(None, (same(one, other.float()) for one, other in pairs)))
    return "; ".join(filter(None, found.values()))


if __name__ == "__main__":
    run(sys.modules[__name__])
