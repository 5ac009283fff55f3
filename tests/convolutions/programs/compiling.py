"""torch.compile over the package: `compiling.py BACKEND [CHECK…]`."""

from __future__ import annotations

import sys

import torch
from checks import natively, run, same
from surroundings import images, network, trained
from torch import nn
from trial import order

BACKEND = sys.argv[1]


def a_compiled_network_trains_as_ever() -> str:
    return same(
        trained(torch.compile(network(), backend=BACKEND), images()), natively(trained, network(), images())
    )


def a_compiled_network_keeps_channels_last() -> str:
    words = {"memory_format": torch.channels_last}
    ours = trained(torch.compile(network(**words), backend=BACKEND), images(**words))
    native = natively(trained, network(**words), images(**words))
    same_order = order(ours[0]) == order(native[0])
    return same(ours, native) or ("" if same_order else f"{order(ours[0])} is not {order(native[0])}")


def a_compiled_network_takes_other_sizes() -> str:
    model = network().eval()
    compiled = torch.compile(model, backend=BACKEND, dynamic=True)
    others = [torch.randn(count, 3, 9 + count, 11) for count in (2, 3, 5)]
    return same([compiled(one) for one in others], [natively(model, one) for one in others])


class Broken(nn.Module):
    """Leaves the compiled graph before each convolution, and calls one where nothing is compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.model = network()[:4]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        for one in self.model:
            torch._dynamo.graph_break()
            # A frame that is given up is run as it is, and what it calls is looked at again.
            with torch.autograd.profiler.record_function("a context that is not compiled"):
                image = one(image)
        return image


def compiling_sees_nothing_of_what_is_inside() -> str:
    torch._dynamo.reset()
    compiled_code: list[str] = []
    model = Broken()

    def backend(graph: torch.fx.GraphModule, _inputs: object) -> object:
        compiled_code.append(graph.code)
        return graph.forward

    ours = trained(torch.compile(model, backend=backend), images())
    wrong = same(ours, natively(trained, model, images()))
    inside = [code for code in compiled_code if "im2col" in code or "bmm" in code]
    return wrong or (f"{inside[:1]}" if inside else "")


def what_is_called_from_a_frame_that_is_not_compiled_is_left_alone() -> str:
    torch._dynamo.reset()
    seen: list[str] = []

    def backend(graph: torch.fx.GraphModule, _inputs: object) -> object:
        seen.append(graph.code)
        return graph.forward

    def given_up(image: torch.Tensor) -> torch.Tensor:
        sys._getframe()  # which torch cannot follow, so the whole frame is given up
        return model(image)

    model = nn.Conv2d(3, 4, 3)
    result = torch.compile(given_up, backend=backend)(images())
    inside = [code for code in seen if "im2col" in code or "bmm" in code]
    return same(result, natively(model, images())) or (f"{inside[:1]}" if inside else "")


if __name__ == "__main__":
    run(sys.modules[__name__], sys.argv[2:])
