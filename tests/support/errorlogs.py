"""Messages as people have posted them, shortened to the lines that say something, and what each is about.

Their sources are those that the troubles cite. `MEANINGS` are messages of which the field's own diagnosis of ROCm
names the cause; each has to lead to the same one here.
"""

from __future__ import annotations

TRACEBACK = """\
Traceback (most recent call last):
  File "/home/u/train.py", line 12, in <module>
    out = model(x.to("cuda"))
          ^^^^^^^^^^^^^^^^^^^
RuntimeError: HIP error: invalid device function
HIP kernel errors might be asynchronously reported at some other API call, so the stack may be wrong.
For debugging consider passing AMD_SERIALIZE_KERNEL=3
"""

LOGS: tuple[tuple[str, str], ...] = (
    ("no-code", TRACEBACK),
    (
        "no-code",
        '"hipErrorNoBinaryForGpu: Unable to find code object for all current devices!"\nAborted (core dumped)',
    ),
    ("no-code", "RuntimeError: HIP error: no kernel image is available for execution on the device"),
    (
        "rocblas-kernels",
        "rocBLAS error: Cannot read /r/lib/rocblas/library/TensileLibrary.dat: Illegal seek for GPU arch : "
        'gfx1201\n List of available TensileLibrary Files :\n"/r/lib/rocblas/TensileLibrary_lazy_gfx908.dat"',
    ),
    ("rocblas-kernels", "rocBLAS error: Cannot read TensileLibrary.dat: No such file or directory\nAborted"),
    (
        "rocblas-kernels",
        "rocBLAS error: Cannot read /v/torch/lib/rocblas/library/TensileLibrary_lazy_gfx1010.dat: No such file",
    ),
    ("override-crash", "$ HSA_OVERRIDE_GFX_VERSION=10.3.0 python3 t.py\nSegmentation fault (core dumped)"),
    (
        "memory-fault",
        "Memory access fault by GPU node-1 (Agent handle: 0x58935a90) on address 0x7fbe6a804000. Reason: Page not "
        "present or supervisor privilege.",
    ),
    (
        "memory-fault",
        "[  9.1] amdgpu 0000:65:00.0: amdgpu: [gfxhub] page fault (src_id:0 ring:24 vmid:8 pasid:200)",
    ),
    ("library-missing", "ImportError: libamdhip64.so.5: cannot open shared object file: No such file or directory"),
    ("cuda-extension", "OSError: libtorch_cuda.so: cannot open shared object file: No such file or directory"),
    (
        "executable-stack",
        "ImportError: libamdhip64.so: cannot enable executable stack as shared object requires: Invalid argument",
    ),
    ("glibc", "./a.out: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./a.out)"),
    (
        "libstdc++",
        "ImportError: /c/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by libLLVM.so)",
    ),
    ("mixed-libraries", "ImportError: libtorch_hip.so: undefined symbol: hipGetDevicePropertiesR0600"),
    ("replaced", "AssertionError: Torch not compiled with CUDA enabled"),
    (
        "replaced",
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
    ),
    ("numpy", "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2 as it may crash."),
    (
        "miopen",
        "MIOpen Error: /ml-libs/MIOpen/src/ocl/convolutionocl.cpp:275: No suitable algorithm was found to execute "
        "the required convolution\nRuntimeError: miopenStatusUnknownError",
    ),
    (
        "miopen-cache",
        "MIOpen Error: /miopen/src/sqlite_db.cpp:227: Internal error while accessing SQLite database: disk "
        "I/O error\n\nRuntimeError: miopenStatusInternalError",
    ),
    ("miopen-cache", "MIOpen(HIP): Warning [SQLiteBase] src/sqlite_db.cpp:109: database is locked"),
    ("out-of-memory", "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 6.64 GiB. GPU 0 has a total"),
    ("patched-library", "[DEBUG] FindFwd called, is_rdna1=0"),
    (
        "rights",
        "ROCk module is loaded\nUnable to open /dev/kfd read-write: Permission denied\nu is not member of render",
    ),
    ("device", "Unable to open /dev/kfd read-write: No such file or directory"),
    (
        "driver-refuses",
        "ROCk module is loaded\nUnable to open /dev/kfd read-write: Invalid argument\nroot is member of render",
    ),
    ("driver", "ROCk module is NOT loaded, possibly no GPU devices"),
    ("too-old", "[    3.548555] kfd kfd: amdgpu: PITCAIRN  not supported in kfd"),
    ("atomics", "[    7.026427] kfd kfd: amdgpu: skipped device 1002:67df, PCI rejects atomics"),
    ("no-space-on-bus", "[ 2.7] amdgpu 0000:0d:00.0: BAR 0: failed to assign [mem size 0x400000000 64bit pref]"),
    (
        "firmware",
        "[ 4.8] amdgpu 0000:01:00.0: Direct firmware load for amdgpu/polaris12_mc.bin failed with error -2\n"
        "[ 4.8] amdgpu 0000:01:00.0: amdgpu: Fatal error during GPU init",
    ),
    (
        "start-failed",
        "[ 8.8] amdgpu 0000:c3:00.0: amdgpu: Fatal error during GPU init\n[ 8.8] amdgpu: probe of 0000:c3:00.0 "
        "failed with error -22",
    ),
    ("secure-boot", "modprobe: ERROR: could not insert 'amdgpu': Key was rejected by service"),
    ("mixed-modules", "[ 3.1] amdgpu: Unknown symbol amdttm_bo_move_to_lru_tail (err -2)"),
    (
        "hang",
        "[ 2742.4] [drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring page1 timeout, signaled seq=2216, emitted\n"
        "[ 2742.4] amdgpu 0000:2b:00.0: amdgpu: GPU reset begin!",
    ),
    ("hang", "amdgpu 0000:65:00.0: amdgpu: MES failed to respond to msg=REMOVE_QUEUE"),
    ("iommu", "amdgpu 0000:2f:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x001a address=0x0 flags=0x0]"),
    (
        "dkms-build",
        "Building initial module for 6.14.0-24-generic\nError! Bad return status for module build on kernel: "
        "6.14.0-24-generic (x86_64)\nConsult /var/lib/dkms/amdgpu/6.12.12-2164967.24.04/build/make.log",
    ),
    ("half-configured", "dpkg: error processing package amdgpu-dkms (--configure):\n dependency problems"),
    (
        "repository-gone",
        "Err:10 http://repo.radeon.com/rocm/apt/debian xenial Release\n  404  Not Found [IP: 13.82.220.49 80]",
    ),
    (
        "repository-gone",
        "E: The repository 'http://repo.radeon.com/rocm/apt/debian xenial Release' does not have a Release file.",
    ),
    ("repository-key", "   Signing key on CA8BB4727A47B4D09B4EE8969386B48A1A693C5C is not bound:"),
    ("repository-key", "  The following signatures were invalid: EXPKEYSIG 9386B48A1A693C5C James Adrian Edwards"),
    (
        "repository-date",
        "E: Release file for https://repo.radeon.com/rocm/apt/6.2 is not valid yet (invalid for 2h)",
    ),
    (
        "mirror-sync",
        "E: File has unexpected size (68560 != 29552). Mirror sync in progress? [IP: 13.82.220.49 443]",
    ),
    ("tools", "bash: hipcc: command not found"),
    ("tools", "zsh: command not found: rocminfo"),
    (
        "python",
        "ERROR: torch-1.13.1+rocm5.2-cp310-cp310-linux_x86_64.whl is not a supported wheel on this platform.",
    ),
    ("replaced", "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version"),
    ("numpy", "AttributeError: _ARRAY_API not found"),
    ("numpy", "RuntimeError: Numpy is not available"),
    ("miopen", "RuntimeError: Unable to find a suitable algorithm for doing forward convolution"),
    (
        "miopen",
        "MIOpen Error: /root/MIOpen/src/include/miopen/invoke.hpp:5: No invoker was registered for convolution",
    ),
    ("miopen-cache", "MIOpen Error: src/sqlite_db.cpp:220: open memvfs: unable to open database file"),
    ("miopen-cache", "MIOpen Error: /MIOpen/src/db.cpp:120: Db lock has failed to lock."),
    ("miopen-cache", "MIOpen(HIP): Error [OpenCache] Failed to open kernel cache"),
    ("driver", "RuntimeError: No HIP GPUs are available"),
    (
        "no-space-on-bus",
        "[ 2.9] amdgpu: probe of 0000:0d:00.0 failed with error -12",
    ),
    ("firmware", '[ 3.4] [drm:psp_init [amdgpu]] *ERROR* Failed to load firmware "amdgpu/navi10_sos.bin"'),
    ("secure-boot", "[ 6.1] Loading of unsigned module is rejected"),
    ("secure-boot", "modprobe: ERROR: could not insert 'amdgpu': Required key not available"),
    ("mixed-modules", "[ 3.1] amdgpu: disagrees about version of symbol drm_sched_entity_init"),
    ("hang", "[ 900.1] amdgpu: qcm fence wait loop timeout expired"),
    ("hang", "[ 900.2] amdgpu: Failed to evict queue 1"),
    ("dkms-build", "Error! dkms autoinstall on 6.14.0-24-generic/x86_64 failed for amdgpu(10)"),
    (
        "repository-key",
        "W: https://repo.radeon.com/rocm/apt/6.2.4/dists/noble/InRelease: Policy will reject signature\n"
        "  because: SHA1 is not considered secure since 2026-02-01T00:00:00Z",
    ),
    ("tools", "fish: Unknown command: hipcc"),
    ("tools", "No ROCm runtime is found, using ROCM_HOME='/opt/rocm'"),
    ("no-code", "RuntimeError: CUDA error: hipErrorInvalidDeviceFunction"),
    (
        "no-code",
        'level=WARN source=amd_linux.go:378 msg="amdgpu is not supported (supported types:[gfx1100])" gpu=0',
    ),
    ("rocblas-kernels", "rocBLAS error: Could not load /r/lib/rocblas/library/TensileLibrary_lazy_gfx1103.dat"),
    ("rocblas-kernels", "rocBLAS error: Could not initialize Tensile library"),
    (
        "blaslt-kernels",
        "rocblaslt error: Cannot read /r/lib/hipblaslt/library/TensileLibrary_lazy_gfx1010.dat: No such file",
    ),
    ("driver", "rocBLAS error: Could not initialize Tensile host: No devices found"),
    ("driver", "ERROR:root:Driver not initialized (amdgpu not found in modules)"),
    ("driver", "ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected"),
    ("memory-fault", "torch.AcceleratorError: HIP error: an illegal memory access was encountered"),
    ("memory-fault", "Callback: Queue 0x7f aborting with error : HSA_STATUS_ERROR_EXCEPTION: An HSAIL operation"),
    ("hang", "HW Exception by GPU node-1 (Agent handle: 0x5ab48bbcc960) reason :GPU Hang"),
    ("out-of-memory", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."),
    ("out-of-memory", "HIP error: hipErrorOutOfMemory"),
    ("device-library", "clang++: error: cannot find ROCm device library; provide its path via '--rocm-path'"),
    ("python", "ERROR: No matching distribution found for torch==2.5.1+rocm6.2"),
    ("space", "OSError: [Errno 28] No space left on device: '/home/u/.cache/pip'"),
    ("space", "E: You don't have enough free space in /var/cache/apt/archives/."),
)

MEANINGS: tuple[tuple[str, str], ...] = (
    ("no-code", "hipErrorNoBinaryForGpu"),
    ("no-code", "HSA_STATUS_ERROR_INVALID_ISA: The instruction set architecture is invalid."),
    ("no-code", "error: invalid device function"),
    ("no-code", "no kernel image is available"),
    ("no-code", "gfx1151 is not in the arch list of this build"),
    ("rights", "unable to open /dev/kfd read-write: permission denied"),
    ("rights", "open(/dev/kfd): Permission denied"),
    ("rights", "HSA_STATUS_ERROR_OUT_OF_RESOURCES"),
    ("rights", "failed to open kfd"),
    ("rights", "/dev/dri/renderD128: Permission denied"),
    ("rights", "HSA_STATUS_ERROR: permission"),
    ("rights", "failed to open device"),
    ("driver", "ROCk module is NOT loaded, possibly no GPU devices"),
    ("driver", "no devices found"),
    ("driver", "HSA_STATUS_ERROR"),
    ("driver", "no agents found"),
    ("tools", "rocminfo: command not found"),
    ("tools", "zsh: command not found: hipcc"),
    ("tools", "CMake Error: could not find HIP"),
    ("tools", "HIP_PATH is not set"),
    ("library-missing", "libamdhip64.so.6: cannot open shared object file"),
    ("library-missing", "libhsa-runtime64.so.1: cannot open shared object file"),
    ("library-missing", "libhipblas.so.2: cannot open shared object file"),
    ("library-missing", "libfoo.so: cannot open shared object file"),
    ("glibc", "version `GLIBC_2.39' not found"),
    ("repository-gone", "404 https://repo.radeon.com/rocm/apt/5.9"),
    ("repository-gone", "E: Unable to locate package rocm-hip-sdk"),
    ("repository-gone", "amdgpu-install --accept-eula"),
    ("repository-date", "Release file is not yet valid"),
    ("dependencies", "The following packages have unmet dependencies:"),
    ("iommu", "the job hangs"),
    ("iommu", "deadlock"),
    ("iommu", "timed out waiting for the second card"),
    ("iommu", "iommu enabled"),
    ("half-configured", "package amdgpu-dkms is half-configured"),
    ("half-configured", "dpkg: error: something"),
    ("half-configured", "E: Sub-process /usr/bin/dpkg returned an error code (1)"),
    ("dkms-build", "dkms build of amdgpu failed"),
    ("memory-fault", "page fault"),
    ("memory-fault", "vm_fault"),
    ("memory-fault", "hw_fault"),
    ("memory-fault", "OUT_OF_REGISTERS"),
    ("several-gpus", "the program crashed with signal 11"),
)
