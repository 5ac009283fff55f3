"""What PyTorch puts round a convolution: autocast, memory formats, TorchScript, functorch, copies of models."""

from __future__ import annotations

import copy
import io
import pickle
import sys
from typing import Any

import torch
from checks import natively, run, same
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from trial import order


def network(**words: Any) -> nn.Sequential:
    """One of each kind of convolution, with what usually stands between them."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, groups=4, padding="valid"),
        nn.Conv2d(8, 12, 1),
        nn.Conv2d(12, 12, 3, padding="same", padding_mode="circular", dilation=2),
        nn.ConvTranspose2d(12, 4, 4, stride=2, output_padding=1),
    ).to(**words)


def images(**words: Any) -> torch.Tensor:
    return torch.randn(2, 3, 17, 15, generator=torch.Generator().manual_seed(4)).to(**words)


def trained(model: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """The result and the gradients of all parameters and of the image."""
    image = image.detach().requires_grad_()
    result = model(image)
    return [result, *torch.autograd.grad(result.float().square().sum(), [image, *model.parameters()])]


def a_network_trains_as_ever() -> str:
    return same(trained(network(), images()), natively(trained, network(), images()))


def a_network_of_doubles_trains_as_ever() -> str:
    words = {"dtype": torch.float64}
    return same(trained(network(**words), images(**words)), natively(trained, network(**words), images(**words)))


def channels_last_stays() -> str:
    words = {"memory_format": torch.channels_last}
    ours = trained(network(**words), images(**words))
    native = natively(trained, network(**words), images(**words))
    orders = [[order(one) for one in each] for each in (ours, native)]
    return same(ours, native) or ("" if orders[0] == orders[1] else f"{orders[0]} is not {orders[1]}")


def autocast_takes_the_short_type() -> str:
    def cast() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return network()(images())

    return same(cast(), natively(cast))


def a_backward_within_autocast_stays_exact() -> str:
    def gradients() -> list[torch.Tensor]:
        convolution, image = nn.Conv2d(3, 8, 3), images().requires_grad_()
        torch.nn.init.constant_(convolution.weight, 1 / 3)
        result = convolution(image)
        with torch.autocast("cpu", torch.bfloat16):
            return list(torch.autograd.grad(result.sum(), [image, *convolution.parameters()]))

    return same(gradients(), natively(gradients))


def script_is_the_same() -> str:
    return same(torch.jit.script(network())(images()), natively(network(), images()))


def a_trace_is_the_same() -> str:
    traced = torch.jit.trace(network(), images())
    graph = str(traced.inlined_graph)
    if graph.count("aten::_convolution") != 5 or "aten::bmm" in graph:
        return f"the graph is not of convolutions: {graph}"
    larger = torch.randn(3, 3, 20, 31)
    return same(traced(larger), natively(network(), larger))


def a_frozen_script_is_the_same() -> str:
    model = network().eval()
    frozen = torch.jit.freeze(torch.jit.script(model))
    return same(frozen(images()), natively(model, images()))


def one_optimised_for_inference_is_the_same() -> str:
    """On processors torch then takes oneDNN by name; what it takes on cards is looked at beside this."""
    model = network()[:3].eval()
    model(images())
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.script(model)))
    return same(frozen(images()), natively(model, images()))


def vmap_is_the_same() -> str:
    image, weights = images(), torch.randn(5, 4, 3, 3, 3)

    def mapped() -> list[torch.Tensor]:
        many = torch.stack([image] * 4)
        return [
            torch.vmap(functional.conv2d, in_dims=(None, 0))(image, weights),
            torch.vmap(functional.conv2d, in_dims=(0, None))(many, weights[0]),
            torch.vmap(functional.conv2d, in_dims=(0, 0))(many, weights[:4]),
        ]

    return same(mapped(), natively(mapped))


def gradients_of_each_image_are_the_same() -> str:
    weight, many = torch.randn(4, 3, 3, 3), images()

    def loss(weight: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(image[None], weight, stride=2, padding=1).square().sum()

    each = torch.vmap(torch.func.grad(loss), in_dims=(None, 0))
    return same(each(weight, many), natively(each, weight, many))


def second_derivatives_are_the_same() -> str:
    def twice() -> list[torch.Tensor]:
        image = images(dtype=torch.float64).requires_grad_()
        model = network(dtype=torch.float64)
        wanted = [image, *model.parameters()]
        first = torch.autograd.grad(model(image).square().sum(), wanted, create_graph=True)
        return list(torch.autograd.grad(sum(one.square().sum() for one in first), wanted, allow_unused=True)[:2])

    return same(twice(), natively(twice))


def forward_derivatives_are_the_same() -> str:
    weight, image = torch.randn(4, 3, 3, 3), images()

    def along() -> list[torch.Tensor]:
        return list(torch.func.jvp(lambda one: functional.conv2d(image, one), (weight,), (weight + 1,)))

    return same(along(), natively(along))


def some_gradients_alone_are_the_same() -> str:
    def gradients() -> list[torch.Tensor]:
        found = []
        for which in range(3):
            convolution, image = network()[3], torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(1))
            wanted = [image, *convolution.parameters()][which]
            for one in convolution.parameters():
                one.requires_grad_(one is wanted)
            image.requires_grad_(image is wanted)
            found += torch.autograd.grad(convolution(image).square().sum(), [wanted])
        return found

    return same(gradients(), natively(gradients))


def a_checkpoint_is_the_same() -> str:
    def trained_again() -> list[torch.Tensor]:
        return trained(_called_by(lambda model, image: checkpoint(model, image, use_reentrant=False)), images())

    return same(trained_again(), natively(trained_again))


def copies_of_a_model_are_torchs_own() -> str:
    model = network()
    model(images())
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    copies.append(network())
    copies[-1].load_state_dict(torch.load(file))
    kinds = {type(one[0]) for one in copies}
    expected = natively(model.eval(), images())
    return (
        "" if kinds == {nn.Conv2d} else f"{kinds}" or same([one.eval()(images()) for one in copies], [expected] * 3)
    )


def inference_mode_is_the_same() -> str:
    def inferred() -> torch.Tensor:
        with torch.inference_mode():
            return network().eval()(images()).clone()

    return same(inferred(), natively(inferred))


def a_fake_tensor_foretells_shape_and_order() -> str:
    from torch._subclasses.fake_tensor import FakeTensorMode

    for words in ({}, {"memory_format": torch.channels_last}):
        model, image = network(**words), images(**words)
        real = model(image)
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        with mode:
            fake = model(mode.from_tensor(image))
        if (fake.shape, order(fake)) != (real.shape, order(real)):
            return f"{fake.shape} {fake.stride()} is not {real.shape} {real.stride()}"
    return ""


def _called_by(call: Any) -> nn.Module:
    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = network()

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return call(self.model, image)

    return Called()


if __name__ == "__main__":
    run(sys.modules[__name__])
