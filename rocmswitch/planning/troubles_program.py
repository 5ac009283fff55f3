"""Messages of programs that compute: PyTorch, HIP, HSA, rocBLAS, MIOpen, the loader."""

from __future__ import annotations

from rocmswitch.model.finding import NOTE, WARNING
from rocmswitch.model.trouble import PERHAPS, USUALLY, Sign, Trouble

_ROCM_CLI = "github:ROCm/rocm-cli:crates/rocm-core/src/diagnose.rs"
_LIBRARIES = (
    r"lib(?:amdhip64|hsa-runtime64|hiprtc|hipblas\w{0,60}|hipfft|hipsolver|hipsparse|hiprand|rocblas|rocsolver|rocsparse"
    r"|rocrand|rocfft|roctx64|rocm_smi64|amd_comgr|MIOpen|rccl)"
)

PROGRAM = (
    Trouble(
        "no-code",
        "the program has no code for this card",
        "PyTorch or the library was not compiled for {target}, so that nothing can run on it",
        "run `rocmswitch gpu`: it says which stacks have code for it; `rocmswitch recommend` chooses one",
        (
            Sign(r"hipErrorNoBinaryForGpu", ("ROCm/pytorch#882", "pytorch/pytorch#73534", "pytorch/pytorch#53738")),
            Sign(r"HSA_STATUS_ERROR_INVALID_ISA", (_ROCM_CLI,)),
            Sign(r"HIP error: invalid device function", ("ROCm/ROCm#4208",)),
            Sign(r"hipErrorInvalidDeviceFunction", ("ROCm/ROCm#4208",)),
            Sign(r"invalid device function", (_ROCM_CLI,), USUALLY),
            Sign(r"amdgpu is not supported \(supported types", ("ollama/ollama#8806",)),
            Sign(r"no kernel image is available", (_ROCM_CLI,)),
            Sign(r"\b(?P<target>gfx[0-9a-f]{3,4})\b.{0,80}\bnot (?:in|on)\b.{0,40}\barch", (_ROCM_CLI,), USUALLY),
        ),
        ("no-support", "target-missing", "target-partly", "library-code", "unknown-card"),
        otherwise=(("target", "it"),),
    ),
    Trouble(
        "rocblas-kernels",
        "rocBLAS has no kernels for {target}",
        "each matrix product ends the program",
        "run `rocmswitch deploy --gpu-kernels {card} --from STACK --into VENV`, with a stack of the same ROCm that "
        "has them",
        (
            Sign(
                r"rocBLAS error: Cannot read \S{1,300}: .{0,60}GPU arch ?: ?(?P<target>(?P<card>gfx\w{1,60}))",
                ("ROCm/AMDMIGraphX#3517",),
            ),
            Sign(
                r"rocBLAS error: Cannot read \S{0,300}TensileLibrary_lazy_(?P<target>(?P<card>gfx\w{1,60}))\.dat",
                ("ROCm/Tensile#1757", "ROCm/Tensile#1897"),
            ),
            Sign(
                r"(?<!lt error: )Cannot read \S{0,300}TensileLibrary",
                ("ROCm/rocBLAS#1339", "ROCm/rocBLAS#1299", "ROCm/Tensile#1936", "pytorch/pytorch#132570"),
            ),
            Sign(
                r"rocBLAS error: Could not (?:load \S{1,300}TensileLibrary|initialize Tensile library)",
                ("likelovewant/ROCmLibs-for-gfx1103-AMD780M-APU#12",),
            ),
        ),
        ("blas-kernels-missing", "target-missing", "no-support"),
        otherwise=(("target", "this card"), ("card", "GFX")),
    ),
    Trouble(
        "blaslt-kernels",
        "hipBLASLt has no kernels for this card",
        "products that go by it end the program; rocBLAS computes most of them as well",
        "run `export TORCH_BLAS_PREFER_HIPBLASLT=0`, then the program once more",
        (
            Sign(
                r"rocblaslt error: (?:Cannot read|Could not load) \S{0,300}TensileLibrary",
                ("ollama/ollama#11652", "ROCm/TheRock#681"),
            ),
        ),
        ("library-code", "target-missing", "no-support"),
    ),
    Trouble(
        "override-crash",
        "HSA_OVERRIDE_GFX_VERSION makes the program run another card's code",
        "code of ROCm 5.3 or later that is compiled for another card faults on RDNA 1",
        "run `unset HSA_OVERRIDE_GFX_VERSION`, then the program once more; `rocmswitch doctor` says who sets it",
        (
            Sign(
                r"Segmentation fault|signal 11\b|SIGSEGV|core dumped|Memory access fault",
                ("ROCm/ROCm#887", "ROCm/ROCm#2527", "ROCm/MIOpen#3540"),
                USUALLY,
                also="HSA_OVERRIDE_GFX_VERSION",
            ),
        ),
        ("override", "override-code", "override-value", "global-variable"),
    ),
    Trouble(
        "memory-fault",
        "a kernel has touched memory that is not its own",
        "the driver ends the program; mostly a kernel for another card, or a bug of a library",
        "run `rocmswitch probe VENV`: it says which operation does that; `rocmswitch doctor` looks for an override",
        (
            Sign(
                r"Memory access fault by GPU node-\d{1,9}",
                ("ROCm/ROCm#2804", "ROCm/ROCm#5616", "ROCm/ROCm#6157"),
                USUALLY,
            ),
            Sign(
                r"an illegal memory access was encountered|hipErrorIllegalAddress",
                ("ROCm/ROCm#5245", "ROCm/ROCm#6003"),
                USUALLY,
            ),
            Sign(r"HSA_STATUS_ERROR_EXCEPTION", ("ROCm/ROCm#5025", "iree-org/iree#17872"), USUALLY),
            Sign(r"\[(?:gfxhub|mmhub)\d{0,2}\] (?:retry |no-retry )?page fault", ("ROCm/ROCm#5616",), USUALLY),
            Sign(r"\bvm_fault\b|\bhw_fault\b", (_ROCM_CLI,), PERHAPS),
            Sign(r"page fault", (_ROCM_CLI,), PERHAPS, is_spoken=True),
            Sign(r"OUT_OF_REGISTERS", (_ROCM_CLI,), PERHAPS),
        ),
        ("override", "override-code", "log-page-fault", "known-bad"),
    ),
    Trouble(
        "several-gpus",
        "the program may compute on the wrong one of several GPUs",
        "a processor's own GPU is a device too, and crashes what is not compiled for it",
        "run `rocmswitch gpu`, then `export HIP_VISIBLE_DEVICES=N` with the number of the large card, from 0",
        (
            Sign(r"segmentation fault \(|SIGSEGV|signal 11\b", (_ROCM_CLI,), PERHAPS),
            Sign(r"segmentation fault|segfault|\bcrash(?:ed|es)?\b", (_ROCM_CLI,), PERHAPS, is_spoken=True),
        ),
        ("cards", "integrated"),
        WARNING,
    ),
    Trouble(
        "library-missing",
        "the loader does not find {library}",
        "the program and the ROCm that it finds are of different releases, or its ROCm is gone",
        "run `rocmswitch run VENV -- COMMAND`, or make the environment anew: `rocmswitch use STACK --venv VENV`",
        (
            Sign(
                rf"(?P<library>{_LIBRARIES}\.so[.\d]{{0,20}}): cannot open shared object",
                ("pytorch/builder#1468", "ROCm/pytorch#1340"),
            ),
            Sign(r"(?P<library>lib\S{1,80}\.so[.\d]{0,20}): cannot open shared object", (_ROCM_CLI,), USUALLY),
        ),
        ("import", "prefix-gone", "foreign-path", "shadowed", "search-path", "runpath-shadowed", "library"),
    ),
    Trouble(
        "cuda-extension",
        "a package asks for the CUDA build of PyTorch",
        "it was compiled for CUDA, and finds torch's library for ROCm under another name",
        "take its build for ROCm, or compile it: `rocmswitch run VENV -- pip install --no-binary :all: NAME`",
        (
            Sign(
                r"lib(?:torch_cuda|c10_cuda|cudart|cublas)\S{0,80}: cannot open shared object",
                ("pytorch/pytorch#139410", "huggingface/autotrain-advanced#735"),
            ),
        ),
        ("replaced", "not-for-rocm"),
    ),
    Trouble(
        "executable-stack",
        "this machine's C library refuses {library}, which asks for an executable stack",
        "glibc 2.41 and later do not load such a library; those of PyTorch for ROCm up to 5.x are",
        "run `rocmswitch use STACK --venv VENV`: it clears that flag in the environment that it makes",
        (
            Sign(
                r"(?:(?P<library>[\w.+-]{1,80}): )?cannot enable executable stack",
                ("AUTOMATIC1111/stable-diffusion-webui#17051", "easydiffusion/easydiffusion#1921"),
            ),
        ),
        ("executable-stack", "import"),
        otherwise=(("library", "a library"),),
    ),
    Trouble(
        "glibc",
        "this machine's C library is too old: {version} is asked for",
        "the program was built on a newer distribution and does not start here",
        "run `rocmswitch recommend`: it takes the C library into account",
        (Sign(r"version .?(?P<version>GLIBC_[\d.]{1,20}).? not found", (_ROCM_CLI,)),),
        ("old-glibc", "import"),
    ),
    Trouble(
        "libstdc++",
        "an older libstdc++ comes first: it has no {version}",
        "conda and some applications bring one along, and it hides the machine's",
        "run the program without that LD_LIBRARY_PATH: `rocmswitch run VENV -- COMMAND`",
        (Sign(r"version .?(?P<version>(?:GLIBCXX|CXXABI)_[\d.]{1,20}).? not found", ("field reports of conda",)),),
        ("old-libstdcxx", "foreign-path", "import"),
    ),
    Trouble(
        "mixed-libraries",
        "libraries of two releases are mixed: {symbol} is not where it is looked for",
        "one of them is the other's neighbour from a different ROCm or PyTorch",
        "run `rocmswitch doctor VENV`: it says what is loaded, and from where",
        (Sign(r"undefined symbol: (?P<symbol>\w{1,60})", ("pytorch/builder#1468", "ROCm/rocBLAS#1386"), USUALLY),),
        ("library", "mixed-rocm", "foreign-path", "foreign-loader", "shadowed", "elsewhere", "deployment"),
    ),
    Trouble(
        "replaced",
        "this PyTorch is not built for ROCm",
        "pip has put the CUDA or CPU build in the place of ROCm's: torch sees no card",
        "run `rocmswitch doctor`, then `rocmswitch use STACK --venv VENV --rebind`",
        (
            Sign(
                r"Found no NVIDIA driver on your system", ("Comfy-Org/ComfyUI#653", "YanWenKun/ComfyUI-Docker#187")
            ),
            Sign(r"Torch not compiled with CUDA enabled", ("Comfy-Org/ComfyUI#6649", "lllyasviel/Fooocus#113")),
            Sign(r"CUDA driver version is insufficient", ("pytorch/pytorch#51213",), USUALLY),
        ),
        ("replaced", "not-for-rocm", "elsewhere"),
    ),
    Trouble(
        "numpy",
        "a package is compiled for NumPy 1, and NumPy 2 is installed",
        "it crashes or sees no NumPy at all; PyTorch before 2.3 is such a package",
        "run `rocmswitch run VENV -- pip install 'numpy<2'`",
        (
            Sign(r"module that was compiled using NumPy 1\.x cannot be run", ("pyg-team/pytorch-frame#525",)),
            Sign(r"_ARRAY_API not found", ("ompl/ompl#1225",), USUALLY),
            Sign(r"RuntimeError: Numpy is not available", ("pawansharmaaaa/Lip_Wise#20",), USUALLY),
        ),
        ("numpy-2", "import"),
    ),
    Trouble(
        "miopen",
        "MIOpen has no convolution that works here",
        "it has no tuned kernels for the card, or the one it tried failed",
        "run `rocmswitch probe VENV`; `rocmswitch use STACK --venv VENV --conv-fallback` computes convolutions "
        "without MIOpen",
        (
            Sign(r"No suitable algorithm was found to execute the required convolution", ("ROCm/TheRock#798",)),
            Sign(r"Unable to find a suitable algorithm for doing \w{1,60} convolution", ("ROCm/MIOpen#87",)),
            Sign(r"No invoker was registered for convolution", ("apache/tvm#16154",)),
            Sign(r"miopenStatus(?:Unknown|Internal)Error", ("ROCm/TheRock#724", "pytorch/pytorch#60477"), USUALLY),
        ),
        ("known-bad", "miopen-database"),
    ),
    Trouble(
        "miopen-cache",
        "MIOpen cannot use its database: {reason}",
        "its files in your home lie on a network file system, are locked, or may not be written",
        "run `export MIOPEN_USER_DB_PATH=/tmp/miopen-$USER MIOPEN_CUSTOM_CACHE_DIR=/tmp/miopen-$USER`, then the "
        "program once more",
        (
            Sign(
                r"Internal error while accessing SQLite database: (?P<reason>[\w /]{1,60})",
                ("ROCm/MIOpen#2214", "AMDResearch/hpcfund#87", "pytorch/pytorch#126942"),
            ),
            Sign(r"open memvfs: (?P<reason>[\w /]{1,60})", ("ROCm/MIOpen#1010",)),
            Sign(r"MIOpen.{0,200}database is (?P<reason>locked)", ("ROCm/MIOpen#2214",)),
            Sign(r"Db lock has failed to lock", ("ROCm/MIOpen#124",)),
            Sign(r"MIOpen.{0,200}Failed to open \w{0,60} ?(?:kernel )?cache", ("ROCm/MIOpen#2214",), USUALLY),
        ),
        ("file-systems", "space"),
        otherwise=(("reason", "it cannot be opened"),),
    ),
    Trouble(
        "out-of-memory",
        "the card's memory is full",
        "the model and its batch need more than is free; much that is reserved and not allocated is in pieces",
        "run it with a smaller batch, and with `export PYTORCH_HIP_ALLOC_CONF=expandable_segments:True` where much "
        "is reserved but unallocated; `rocmswitch gpu` says how much memory there is",
        (
            Sign(r"HIP out of memory", ("pytorch/pytorch#138002", "ROCm/TheRock#1054", "pytorch/pytorch#175431")),
            Sign(r"CUDA out of memory|hipErrorOutOfMemory", ("pytorch: c10/cuda/CUDACachingAllocator.cpp",)),
        ),
    ),
    Trouble(
        "patched-library",
        "a patched library says that its patch is off",
        "it decides by a variable, or by the card's name, which an override changes",
        "run `rocmswitch history`: it says what was put where; `rocmswitch restore VENV` takes it back",
        (Sign(r"\bis_rdna1 ?= ?(?:0|false)\b", ("hkevin01/rocm-patch@8e22711",)),),
        ("deployment", "left-alone", "leftovers"),
        NOTE,
    ),
)
