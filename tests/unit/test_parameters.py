"""Parameters of kernel modules: what our file says afterwards, which images are stale, what is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from rocmswitch.errors import NotFound, RocmswitchError, UsageMistake
from rocmswitch.model.kernel import BootImage, Contents, Kernel, ModuleFile, PackedFile, Setting, System
from rocmswitch.planning.driverwork import Work, work_after
from rocmswitch.planning.moduleoptions import Option
from rocmswitch.planning.parameters import CONF, FIRST_LINE, parse_word, parse_words, plan_set, plan_unset

OLD, NEW = "6.1.0-50-amd64", "6.12.107+deb13-amd64"
ALIASES = PackedFile("usr/lib/modprobe.d/aliases.conf", "0" * 64)


def _kernel(release: str, *parameters: str, images: tuple[BootImage, ...] = ()) -> Kernel:
    folder = f"usr/lib/modules/{release}"
    contents = Contents(1, "", "", "", vermagic=f"{release} SMP", parameters=parameters)
    module = ModuleFile(release, "amdgpu", f"{folder}/kernel/amdgpu.ko", contents)
    return Kernel(release, folder, modules=(module,), images=images)


def _system(*kernels: Kernel, settings: tuple[Setting, ...] = ()) -> System:
    return System("/", "x86_64", True, kernels=kernels, settings=settings)


def _image(*settings: PackedFile) -> BootImage:
    return BootImage("boot/initrd", 1, settings=settings)


def _packed(text: str) -> PackedFile:
    return PackedFile(f"{CONF}", hashlib.sha256(text.encode()).hexdigest())


SYSTEM = _system(_kernel(OLD, "vm_size:int", "dc:int"), _kernel(NEW, "vm_size:int", "dc:int", "mtype_local:int"))


def test_a_word_names_module_parameter_and_value():
    assert parse_word("amdgpu.vm_size=8", is_set=True) == Option("amdgpu", "vm_size", "8")
    assert parse_word("amd_sched.x=0.1,2", is_set=True) == Option("amd-sched", "x", "0.1,2")
    assert parse_word("amdgpu.vm_size", is_set=False) == Option("amdgpu", "vm_size", None)


@pytest.mark.parametrize("word", ("amdgpu.vm_size=8", "amdgpu", "amdgpu.", ".x", "a b.c"))
def test_what_is_no_name_of_a_parameter_is_not_taken_away(word: str):
    with pytest.raises(UsageMistake):
        parse_word(word, is_set=False)


@pytest.mark.parametrize(
    ("words", "is_set"),
    ((("amdgpu.dc=0", "amdgpu.vm_size=8", "amdgpu.dc=1"), True), (("amdgpu.vm_size", "amdgpu.vm-size"), False)),
)
def test_a_parameter_is_named_once(words: tuple[str, ...], is_set: bool):
    with pytest.raises(UsageMistake, match="is named twice"):
        parse_words(words, is_set=is_set)


def test_what_was_set_before_stays_and_a_new_value_takes_the_place_of_the_old():
    before = f"{FIRST_LINE}\noptions amdgpu dc=0 vm-size=4\noptions amdttm page_pool_size=1\n"

    plan = plan_set(SYSTEM, [Option("amdgpu", "vm_size", "8")], before)

    assert plan.after == f"{FIRST_LINE}\noptions amdgpu dc=0 vm_size=8\noptions amdttm page_pool_size=1\n"


def test_setting_the_same_again_changes_nothing():
    first = plan_set(SYSTEM, [Option("amdgpu", "vm_size", "8")], "")

    again = plan_set(SYSTEM, [Option("amdgpu", "vm_size", "8")], first.after)

    assert (first.is_empty, again.is_empty, again.after) == (False, True, first.after)


def test_a_kernel_without_the_parameter_is_told_and_one_with_it_is_enough():
    plan = plan_set(SYSTEM, [Option("amdgpu", "mtype_local", "1")], "")

    assert plan.notes == (f"`amdgpu` of kernel {OLD} has no parameter `mtype_local` and ignores it",)


def test_a_parameter_of_no_kernel_is_not_found_and_the_nearest_is_named():
    with pytest.raises(NotFound) as caught:
        plan_set(SYSTEM, [Option("amdgpu", "mtype_locl", "1")], "")

    assert caught.value.hint == "run the same command with `amdgpu.mtype_local`"


def test_a_module_that_no_kernel_has_is_said_to_be_none():
    with pytest.raises(NotFound) as caught:
        plan_set(SYSTEM, [Option("amdttm", "page_pool_size", "1")], "")

    assert (caught.value.message, caught.value.hint) == ("no kernel of this system has the module `amdttm`", None)


def test_what_cannot_be_taken_away_for_all_is_taken_away_for_none():
    before = f"{FIRST_LINE}\noptions amdgpu dc=0\n"

    with pytest.raises(NotFound):
        plan_unset(SYSTEM, [Option("amdgpu", "dc", None), Option("amdgpu", "vm_size", None)], before)


@pytest.mark.parametrize(
    ("images", "stale"),
    (
        ((), False),
        ((_image(),), False),  # nothing of modprobe.d in it, nor amdgpu: both are read from the root
        ((_image(ALIASES),), True),
        ((_image(ALIASES, _packed("old")),), True),
        ((_image(ALIASES, _packed(f"{FIRST_LINE}\noptions amdgpu dc=0\n")),), False),
        ((_image(ALIASES, _packed(f"{FIRST_LINE}\noptions amdgpu dc=0\n")), _image(ALIASES)), True),
    ),
)
def test_an_image_is_stale_where_it_says_something_else(images: tuple[BootImage, ...], stale: bool):
    system = _system(_kernel(OLD, "dc:int", images=images))

    plan = plan_set(system, [Option("amdgpu", "dc", "0")], "")

    assert plan.images == ((OLD,) if stale else ())


def test_an_image_that_still_has_what_was_taken_away_is_stale():
    before = f"{FIRST_LINE}\noptions amdgpu dc=0\n"
    system = _system(_kernel(OLD, "dc:int", images=(_image(_packed(before)),)), _kernel(NEW, "dc:int"))

    plan = plan_unset(system, [Option("amdgpu", "dc", None)], before)

    assert (plan.after, plan.images) == ("", (OLD,))


def test_an_image_that_cannot_be_opened_is_told():
    broken = replace(_image(), problem="it is cut off")

    plan = plan_set(_system(_kernel(OLD, "dc:int", images=(broken,))), [Option("amdgpu", "dc", "0")], "")

    assert plan.notes == ("`/boot/initrd` cannot be read: whether it has to be made anew is not known",)


def test_the_boot_command_line_is_named_where_it_sets_the_same():
    setting = Setting("etc/default/grub", 3, 'GRUB_CMDLINE_LINUX="amdgpu.dc=1"', "bootline", "amdgpu")

    plan = plan_set(replace(SYSTEM, settings=(setting,)), [Option("amdgpu", "dc", "0")], "")

    assert plan.notes == ("`/etc/default/grub` sets `dc`, too: one of the two counts",)


@pytest.mark.parametrize(
    "text",
    (
        "options amdgpu dc=0\n",
        f"{FIRST_LINE}\noptions amdgpu dc=0 \\\n",
        f"{FIRST_LINE}\nblacklist amdgpu\n",
        f"{FIRST_LINE}\noptions i915 x=1\n",
        f"{FIRST_LINE}\n\n",
        "\n",
    ),
)
def test_a_file_that_is_not_as_we_write_it_is_refused(text: str):
    with pytest.raises(RocmswitchError) as caught:
        plan_set(SYSTEM, [Option("amdgpu", "dc", "0")], text)

    assert caught.value.exit_code == 5


def test_the_name_it_is_to_get_instead_is_nobodys():
    mine = (PackedFile("etc/modprobe.d/local.conf", "0"), PackedFile("usr/lib/modprobe.d/local-2.conf", "0"))

    with pytest.raises(RocmswitchError) as caught:
        plan_set(replace(SYSTEM, setting_files=mine), [Option("amdgpu", "dc", "0")], "blacklist radeon\n")

    assert caught.value.hint == (
        "run `mv /etc/modprobe.d/rocmswitch.conf /etc/modprobe.d/local-3.conf`, then the same command again"
    )


@pytest.mark.parametrize(
    ("path", "work"),
    (
        (f"usr/lib/modules/{OLD}/updates/amdgpu.ko", Work((OLD,), (OLD,))),
        (f"usr/lib/modules/{NEW}/updates/amdgpu.ko", Work((NEW,), ())),
        (f"usr/lib/modules/{OLD}-other/amdgpu.ko", Work()),
        ("etc/modprobe.d/mine.conf", Work((), (OLD,))),
        ("etc/dkms/amdgpu.conf", Work()),
    ),
)
def test_a_change_of_files_makes_an_index_or_images_stale(path: str, work: Work):
    system = _system(_kernel(OLD, images=(_image(),)), _kernel(NEW))

    assert work_after([path], system) == work
