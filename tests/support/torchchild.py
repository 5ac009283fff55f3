"""Run by a real PyTorch in an environment with the wheel of the convolutions: prints one line of JSON.

What the wheel has decided, whether the flag stays off, and how far its results on the processor are from torch's.
"""

from __future__ import annotations

import json

import torch
import torch.nn.functional as functional

import rocmswitch_convolutions as ours  # type: ignore[import-not-found]  # isort: skip

SAMPLES = [
    ("conv1d", (2, 4, 30), (6, 4, 5), {"stride": 2, "padding": 3, "dilation": 2}),
    ("conv1d", (2, 4, 30), (4, 1, 5), {"groups": 4}),
    ("conv2d", (3, 4, 12, 11), (6, 4, 3, 3), {"padding": 1}),
    ("conv2d", (3, 4, 12, 11), (6, 4, 1, 1), {}),
    ("conv2d", (3, 4, 12, 11), (6, 2, 3, 3), {"groups": 2, "stride": 2}),
    ("conv2d", (3, 4, 12, 11), (8, 1, 3, 3), {"groups": 4}),
    ("conv2d", (1, 16, 44, 44), (32, 16, 3, 3), {"padding": "same"}),
    ("conv3d", (2, 4, 7, 8, 9), (6, 4, 3, 3, 3), {"padding": 1}),
    ("conv_transpose1d", (2, 4, 20), (4, 6, 4), {"stride": 2, "output_padding": 1}),
    ("conv_transpose2d", (2, 4, 9, 9), (4, 3, 4, 4), {"stride": 2, "padding": 1, "groups": 2}),
    ("conv_transpose3d", (2, 4, 5, 6, 7), (4, 6, 3, 3, 3), {"stride": 2}),
]
TYPES = ("float64", "float32", "bfloat16")


def one(name, image, weight, words, dtype):
    """The outputs and the three gradients; None where this torch has none of its own."""
    torch.manual_seed(0)
    filters = weight[0] if "transpose" not in name else weight[1] * words.get("groups", 1)
    sizes = (image, weight, (filters,))
    inputs = [torch.randn(size, dtype=torch.float64).to(dtype).requires_grad_() for size in sizes]
    try:
        outputs = getattr(functional, name)(*inputs, **words)
    except RuntimeError:
        return None  # torch 1.13 mistakes the shape of the weights of a transposed one in bfloat16
    outputs.backward(torch.ones_like(outputs).cumsum(-1))
    return [outputs.detach(), *(each.grad for each in inputs)]


def everything():
    return {kind: [one(*sample, getattr(torch, kind)) for sample in SAMPLES] for kind in TYPES}


def furthest(native, mine):
    """The largest difference, relative to the largest value, and how many tensors were compared."""
    # Python 3.10 and later have a strict zip; this also runs on 3.7.
    pairs = [(a, b) for left, right in zip(native, mine) if left for a, b in zip(left, right)]  # noqa: B905
    assert all(a.shape == b.shape and a.dtype == b.dtype for a, b in pairs)
    return max(((a - b).abs().max() / a.abs().max()).item() for a, b in pairs), len(pairs)


def main():
    said = {
        "torch": torch.__version__,
        "status": ours.status(),
        "active": ours.is_active(),
        "flag": torch._C._get_cudnn_enabled(),
        "started": torch.cuda.is_initialized(),
    }
    torch.backends.cudnn.enabled = True
    with torch.backends.cudnn.flags(enabled=True):
        said["flag inside"] = torch.backends.cudnn.enabled
    said["flag afterwards"] = torch.backends.cudnn.enabled
    from rocmswitch_convolutions import registration  # type: ignore[import-not-found]

    native = everything()
    registration.install("CPU", delegates=False)
    mine = everything()
    compared = {kind: furthest(native[kind], mine[kind]) for kind in TYPES}
    said["worst"] = {kind: worst for kind, (worst, _) in compared.items()}
    said["tensors"] = sum(count for _, count in compared.values())
    print(json.dumps(said))


if __name__ == "__main__":
    main()
