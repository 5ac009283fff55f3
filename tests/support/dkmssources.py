"""A small DKMS source that calls itself amdgpu: what its kfd_crat.c is decides whether a boot with it ends.

It claims every display card of the vendor, as amdgpu does, so udev loads it by itself; it is compiled in seconds.
"""

from __future__ import annotations

CONFIGURATION = """\
PACKAGE_NAME="amdgpu-patched"
PACKAGE_VERSION="1.0"
BUILT_MODULE_NAME[0]="amdgpu"
DEST_MODULE_LOCATION[0]="/kernel/drivers/gpu/drm/amd/amdgpu"
MAKE[0]="make -C /lib/modules/$kernelver/build M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build modules"
CLEAN="true"
AUTOINSTALL="yes"
"""

MAKEFILE = "obj-m := amdgpu.o\namdgpu-y := kfd_crat.o\n"

_SOURCE = """\
#include <linux/module.h>
#include <linux/pci.h>

static const struct pci_device_id cards[] = {
	{ PCI_DEVICE(0x1002, PCI_ANY_ID), .class = PCI_BASE_CLASS_DISPLAY << 16, .class_mask = 0xff0000 },
	{ 0 }
};
MODULE_DEVICE_TABLE(pci, cards);

static int vm_size = -1;
module_param(vm_size, int, 0444);

static int __init start(void)
{
	pr_info("amdgpu: kfd_crat %(said)s\\n");
	%(statement)s
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0-%(said)s");
"""

BENIGN = _SOURCE % {"said": "clean", "statement": ""}
HANGING = _SOURCE % {"said": "patched", "statement": "*(volatile int *)8 = 1;"}
"""It dies in its init: whoever loads it next waits for ever, and so does the boot."""
UNBUILDABLE = _SOURCE % {"said": "unbuildable", "statement": "this_is_in_no_kernel();"}
