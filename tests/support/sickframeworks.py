"""Symptoms of a PyTorch in which every row about one has something to say."""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.model.framework import Framework, FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.gpucode import GpuCode
from rocmswitch.model.symptoms import CardSymptoms, Symptoms

_LIB = "/e/lib/python3.11/site-packages/torch/lib"
_FEW = GpuCode(100, (("gfx1010", 1), ("gfx1030", 100)))
_OTHER = GpuCode(100, (("gfx1030", 100),))
_TORCH = Framework("/e/torch", "2.2.2+rocm5.7", "5.7.31921", tags=("cp39-cp39-linux_x86_64",))
_CORE = FrameworkLibrary(
    *(f"{_LIB}/libtorch_hip.so", "libtorch_hip.so"),
    executable_stack=True,
    search="runpath",
    needs=("GLIBC_2.99", "GLIBCXX_3.9.9"),
    code=_FEW,
)
_ILL = replace(
    _TORCH,
    libraries=(
        _CORE,
        FrameworkLibrary(f"{_LIB}/libamdhip64.so", "libamdhip64.so.7"),
        FrameworkLibrary(f"{_LIB}/librocsparse.so", "librocsparse.so.1", code=_OTHER),
    ),
    blas=("gfx1030",),
    blas_folder=f"{_LIB}/rocblas/library",
    databases=("gfx1030",),
    databases_folder="/e/torch/share/miopen/db",
    numpy="2.1.0",
    rocm=(("rocm-sdk-core", "10.0.0"),),
)
_OURS = FrameworkSymptoms(
    *("demo", "/d/venvs/demo", _ILL),
    stack="rocm-5.7.1",
    python="cp311",
    packages_for="cp311",
    glibc="2.41",
    defined=("GLIBCXX_3.4.30",),
    glibc_max="2.40",
    loader="rpath",
    better="therock-10.1",
)
_WITHOUT_CODE = replace(_ILL, libraries=(replace(_CORE, code=_OTHER),))
_BUNDLED = replace(_ILL, version="2.7.1+rocm6.2.4", libraries=(replace(_CORE, code=GpuCode()),), rocm=())
_SHADOW = ("/opt/rocm/lib/libamdhip64.so", "LD_LIBRARY_PATH, needed by /e/libtorch_hip.so")
_THEIRS = replace(_OURS, name="./theirs", place="/e", kind="foreign", shadows=(_SHADOW,))

SICK = tuple(
    Symptoms(card=CardSymptoms(target="gfx1010"), frameworks=(one,))
    for one in (
        _OURS,
        replace(_OURS, kernels_of="rocm-5.7.1", older="2.1.2+rocm5.6"),
        replace(_OURS, framework=_WITHOUT_CODE),
        replace(_OURS, framework=_WITHOUT_CODE, override="10.3.0"),
        replace(_OURS, framework=_WITHOUT_CODE, override="9.0.0", better=""),
        replace(_OURS, framework=_BUNDLED, stack="rocm-6.2.4", python="cp313"),
        _THEIRS,
        replace(_THEIRS, stack="", better="", shadows=((_SHADOW[0], "the loader's cache (/etc/ld.so.cache)"),)),
        replace(_THEIRS, framework=_WITHOUT_CODE, stack="rocm-5.2.0", known_override="10.3.0"),
        replace(_THEIRS, override="10.3.0"),
        replace(_THEIRS, framework=Framework("/e/torch", "2.13.0+cpu", tells_itself=True)),
        replace(_THEIRS, framework=Framework("/e/torch", "2.6.0+cu124", cuda="12.4", tells_itself=True), better=""),
        replace(_THEIRS, kind="user", name="user", python="", packages_for="cp310"),
    )
)
