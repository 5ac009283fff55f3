"""The operators of PyTorch that get another implementation, with its own names and orders of arguments."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Sequence

import torch

from . import kernels, plans
from .kernels import Work
from .native import Native

Tensor = Any
Wants = Optional[Callable[[Any], bool]]
_MOST_PLANS = 4096
NATIVE = "native"
"""The plan of what is torch's."""


class Forward(NamedTuple):
    """How outputs are computed."""

    work: Work
    shape: Sequence[int] = ()
    layout: Any = None
    transposed: bool = False
    is_product: bool = False
    """One product of matrices as they lie in memory: the short way, for the most frequent and smallest of all."""


class Backward(NamedTuple):
    """How gradients are computed."""

    for_input: Work
    for_weight: Work
    layout: Any = None
    transposed: bool = False
    is_product: bool = False


class Convolutions:
    """Implementations whose buffers take at most *budget* bytes.

    *wants* says of a tensor whether its convolutions are computed here; None is yes. Without *delegates* all that
    can be computed here is, also where torch's own kernels are as good.

    Classes and modes that take part in functions of Python see this operator, and nothing of what is inside.
    """

    def __init__(self, native: Native, wants: Wants, budget: int, *, delegates: bool) -> None:
        self.counts: dict[str, int] = {"forward": 0, "backward": 0, "native": 0}
        self._native = native
        self._wants = wants
        self._budget = budget
        self._delegates = delegates
        self._plans: dict[tuple[Any, ...], Any] = {}

    def convolution(self, *arguments: Any) -> Tensor:
        """`aten::convolution`: input, weight, bias, and the six of `_numbers`."""
        if torch._C._has_torch_function_variadic(*arguments[:2]):
            with torch._C.DisableTorchFunction():
                return self._convolved(arguments)
        return self._convolved(arguments)

    def _convolved(self, arguments: Sequence[Any]) -> Tensor:
        if torch._C._get_tracing_state() is not None:
            # What is recorded is not this operator but the one below, as with torch's own: else it were our steps.
            return torch._convolution(*arguments, *self._native.flags())
        image, weight, bias = arguments[:3]
        if self._wants is not None and not self._wants(image):
            return self._native.forward(arguments, vendor=True)
        bias_sizes = None if bias is None else bias.shape
        key = (_tensors(image, weight), bias_sizes, bias is None or bias.dtype, _numbers(arguments[3:]))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._keep(key, self._plan_forward(arguments))
        if plan is NATIVE:
            self.counts["native"] += 1
            return self._native.forward(arguments)
        self.counts["forward"] += 1
        return _convolve(image, weight, bias, plan)

    def convolution_with_flags(self, *arguments: Any) -> Tensor:
        """`aten::_convolution`: as above, then benchmark, deterministic, cudnn_enabled, allow_tf32.

        A traced graph has what the flags were when it was traced, so they say nothing here.
        """
        return self.convolution(*arguments[:9])

    def convolution_backward(self, *arguments: Any) -> Any:
        """grad_output, input, weight, bias_sizes, then as `aten::convolution`, output_mask."""
        if torch._C._has_torch_function_variadic(*arguments[:3]):
            with torch._C.DisableTorchFunction():
                return self._gradients(arguments)
        return self._gradients(arguments)

    def _gradients(self, arguments: Sequence[Any]) -> Any:
        gradient, image, weight, bias_sizes = arguments[:4]
        if self._wants is not None and not self._wants(image):
            return self._native.backward(arguments, vendor=True)
        sizes = None if bias_sizes is None else tuple(bias_sizes)
        key = (_tensors(gradient, image, weight), sizes, _numbers(arguments[4:10]))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._keep(key, self._plan_backward(arguments))
        if plan is NATIVE:
            self.counts["native"] += 1
            return self._native.backward(arguments)
        self.counts["backward"] += 1
        return _convolve_backward(gradient, image, weight, arguments[10], plan)

    def ways(self) -> set[str]:
        """The kinds of products that plans have, in the words of `kernels`."""
        found = set()
        for plan in self._plans.values():
            if isinstance(plan, Backward):
                found |= {_way(plan.for_input), f"{_way(plan.for_weight)} weights"}
            elif isinstance(plan, Forward):
                found.add(_way(plan.work))
        return found

    def _keep(self, key: tuple[Any, ...], plan: Any) -> Any:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _plan_forward(self, arguments: Sequence[Any]) -> Any:
        image, weight, bias = arguments[:3]
        settings = _settings(arguments[3:], weight)
        sizes = None if bias is None else bias.shape
        problem = plans.problem_of(image, weight, sizes, settings)
        if problem is None or (bias is not None and (bias.dtype, bias.device) != (image.dtype, image.device)):
            return NATIVE
        if self._delegates and plans.is_better_native(problem, self._budget):
            return NATIVE
        layout = self._native.layout(image, weight, arguments[3:], sizes)
        order = plans.lies(image)
        if problem.transposed:
            plain = layout is torch.contiguous_format
            work = plans.input_work(problem, self._budget, gradient_lies=order, target_is_plain=plain)
        else:
            work = plans.forward_work(problem, self._budget, image_lies=order)
        is_product = layout is torch.contiguous_format and _is_product(problem, image, weight)
        return Forward(work, problem.shape, layout, problem.transposed, is_product)

    def _plan_backward(self, arguments: Sequence[Any]) -> Any:
        gradient, image, weight, bias_sizes = arguments[:4]
        settings = _settings(arguments[4:10], weight)
        # What autograd hands over where there was no bias: the sizes of an undefined tensor.
        sizes = None if bias_sizes is None or list(bias_sizes) == [0] else bias_sizes
        problem = plans.problem_of(image, weight, sizes, settings)
        if problem is None or tuple(gradient.shape) != problem.shape:
            return NATIVE
        if (gradient.dtype, gradient.device) != (image.dtype, image.device):
            return NATIVE
        if self._delegates and plans.is_better_native(problem, self._budget):
            return NATIVE
        layout = self._native.layout(image, weight, arguments[4:10], bias_sizes)
        plain = layout is torch.contiguous_format
        read, above = (gradient, image) if problem.transposed else (image, gradient)
        orders = {"image_lies": plans.lies(read), "gradient_lies": plans.lies(above)}
        for_weight = plans.weight_work(problem, self._budget, **orders)
        if problem.transposed:
            for_input = plans.forward_work(problem, self._budget, image_lies=orders["image_lies"])
        else:
            order = orders["gradient_lies"]
            for_input = plans.input_work(problem, self._budget, gradient_lies=order, target_is_plain=plain)
        is_product = plain and _is_product(problem, image, weight) and gradient.is_contiguous()
        return Backward(for_input, for_weight, layout, problem.transposed, is_product)


def _way(work: Work) -> str:
    return f"mirrored {work.how}" if work.mirrors else work.how


def _tensors(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple((each.shape, each.stride(), each.dtype) for each in tensors)


def _settings(arguments: Sequence[Any], weight: Tensor) -> plans.Settings | None:
    dimensions = weight.dim() - 2
    return plans.settings_of(arguments, dimensions) if dimensions > 0 else None


def _numbers(arguments: Sequence[Any]) -> tuple[Any, ...]:
    stride, padding, dilation, transposed, output_padding, groups = arguments
    flags = torch._C._get_cudnn_enabled()
    return tuple(stride), tuple(padding), tuple(dilation), transposed, tuple(output_padding), groups, flags


def _is_product(problem: plans.Problem, image: Tensor, weight: Tensor) -> bool:
    is_plain = image.is_contiguous() and weight.is_contiguous() and problem.geometry.groups == 1
    return is_plain and problem.geometry.is_pointwise and not problem.transposed


def _product(matrix: Tensor, images: Tensor, shape: Sequence[int]) -> Tensor:
    """*matrix* times each of *images*, contiguous and of that *shape*."""
    count, rows, columns = images.shape[0], matrix.shape[0], images.shape[2]
    result = torch.empty((count, rows, columns), dtype=images.dtype, device=images.device)
    torch.bmm(matrix.expand(count, -1, -1), images, out=result)
    return result.view(shape)


def _convolve(image: Tensor, weight: Tensor, bias: Tensor | None, plan: Forward) -> Tensor:
    if plan.is_product:
        result = _product(weight.view(weight.shape[:2]), image.flatten(2), plan.shape)
    else:
        result = torch.empty(plan.shape, dtype=image.dtype, device=image.device, memory_format=plan.layout)
        compute = kernels.input_gradient if plan.transposed else kernels.forward
        compute(_wide(image), _wide(weight), _wide(result), plan.work)
    if bias is not None:
        result.add_(bias.view(1, -1, *[1] * (len(plan.shape) - 2)))
    return result


def _convolve_backward(
    gradient: Tensor, image: Tensor, weight: Tensor, wanted: Sequence[bool], plan: Backward
) -> tuple[Tensor | None, ...]:
    for_input = for_weight = for_bias = None
    if wanted[0] and plan.is_product:
        for_input = _product(weight.view(weight.shape[:2]).t(), gradient.flatten(2), image.shape)
    elif wanted[0]:
        for_input = torch.empty(image.shape, dtype=image.dtype, device=image.device, memory_format=plan.layout)
        compute = kernels.forward if plan.transposed else kernels.input_gradient
        compute(_wide(gradient), _wide(weight), _wide(for_input), plan.for_input)
    if wanted[1]:
        read, above = (gradient, image) if plan.transposed else (image, gradient)
        for_weight = kernels.weight_gradient(_wide(above), _wide(read), plan.for_weight).view(weight.shape)
        for_weight = for_weight.contiguous(memory_format=plan.layout)
    if wanted[2]:
        others = [axis for axis in range(gradient.dim()) if axis != 1]
        # Autocast would sum in float32 and return that, if the dtype were not given.
        for_bias = torch.sum(gradient, others, dtype=gradient.dtype)
    return for_input, for_weight, for_bias


def _wide(tensor: Tensor) -> Tensor:
    """A signal as an image of width one."""
    return tensor.unsqueeze(3) if tensor.dim() == 3 else tensor


class Vendor:
    """Operators that name the vendor's library: written by `torch.jit.freeze`, or by hand."""

    def __init__(self, convolutions: Convolutions) -> None:
        self._convolution = convolutions.convolution

    def convolution(self, image, weight, bias, padding, stride, dilation, groups, *_flags) -> Tensor:  # type: ignore[no-untyped-def]
        return self._plain(image, weight, bias, (stride, padding, dilation, groups))

    def transposed(self, image, weight, bias, padding, output_padding, stride, dilation, groups, *_flags) -> Tensor:  # type: ignore[no-untyped-def]
        return self._convolution(image, weight, bias, stride, padding, dilation, True, output_padding, groups)

    def relu(self, image, weight, bias, *settings) -> Tensor:  # type: ignore[no-untyped-def]
        """The settings: stride, padding, dilation, groups."""
        return self._plain(image, weight, bias, settings).relu_()

    def add_relu(self, image, weight, other, alpha, bias, *settings) -> Tensor:  # type: ignore[no-untyped-def]
        result = self._plain(image, weight, bias, settings)
        return result.add_(other, alpha=1 if alpha is None else alpha).relu_()

    def _plain(self, image: Tensor, weight: Tensor, bias: Tensor | None, settings: Sequence[Any]) -> Tensor:
        stride, padding, dilation, groups = settings
        return self._convolution(image, weight, bias, stride, padding, dilation, False, [0] * len(stride), groups)


def batch_norm(image, weight, bias, mean, variance, training, factor, epsilon) -> Any:  # type: ignore[no-untyped-def]
    """`aten::miopen_batch_norm`."""
    return torch.native_batch_norm(image, weight, bias, mean, variance, training, factor, epsilon)


def batch_norm_backward(image, gradient, weight, mean, variance, saved_mean, saved_scale, epsilon) -> Any:  # type: ignore[no-untyped-def]
    """`aten::miopen_batch_norm_backward`, which is asked for in training alone."""
    saved = (saved_mean, saved_scale)
    backward = torch.ops.aten.native_batch_norm_backward.default
    return backward(gradient, image, weight, mean, variance, *saved, True, epsilon, [True, True, True])
