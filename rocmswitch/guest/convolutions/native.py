"""PyTorch's own kernels, called past what stands in their place, and with or without the vendor's library."""

from __future__ import annotations

import threading
from typing import Any, Sequence

import torch

Tensor = Any


class Unsupported(RuntimeError):
    """This torch has not what the replacement needs; nothing was changed."""


class Native:
    """The operators as torch has them. Raises `Unsupported` where they cannot be called past an override."""

    def __init__(self) -> None:
        try:
            aten = torch.ops.aten
            self._key = torch._C.DispatchKey.CompositeExplicitAutograd
            self._forward = aten._convolution.default._op_dk
            self._backward = aten.convolution_backward.default._op_dk
            self._backend = torch._C._select_conv_backend
            self.vendor_is_on = torch._C._get_cudnn_enabled
        except AttributeError as error:
            raise Unsupported(
                f"torch {torch.__version__} cannot be told to convolve without MIOpen: {error}"
            ) from error
        # Torch 1.13 has none, and no compiler either that would ask for its answer.
        self._format = getattr(torch._C, "_conv_determine_backend_memory_format", None)
        self._switching = threading.Lock()

    def forward(self, arguments: Sequence[Any], *, vendor: bool = False) -> Tensor:
        """`aten::convolution`; *vendor* lets cuDNN or MIOpen compute it if the user's flags do."""
        benchmark, deterministic, enabled, tf32 = self.flags()
        return self._forward(self._key, *arguments, benchmark, deterministic, vendor and enabled, tf32)

    def flags(self) -> tuple[bool, ...]:
        """The last four arguments of `aten::_convolution`, as the user has set them."""
        return (
            torch._C._get_cudnn_benchmark(),
            torch._C._get_cudnn_deterministic(),
            self.vendor_is_on(),
            torch._C._get_cudnn_allow_tf32(),
        )

    def backward(self, arguments: Sequence[Any], *, vendor: bool = False) -> Any:
        """`aten::convolution_backward`, which follows a flag of all threads alone."""
        if vendor or not self.vendor_is_on():
            return self._backward(self._key, *arguments)
        with self._switching:
            torch._C._set_cudnn_enabled(False)
            try:
                return self._backward(self._key, *arguments)
            finally:
                torch._C._set_cudnn_enabled(True)

    def layout(self, image: Tensor, weight: Tensor, settings: Sequence[Any], bias_sizes: Any) -> Any:
        """The memory format of what torch would return: what `torch.compile` expects of us, too."""
        if weight.dim() not in (4, 5) or self._format is None:
            return torch.contiguous_format
        sizes = None if bias_sizes is None else list(bias_sizes)
        return self._format(image, weight, self._backend(image, weight, None, *settings, sizes))
