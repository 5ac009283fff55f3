"""The switches that keep DKMS from building: one for each module, and one that is shared by all."""

from __future__ import annotations

from rocmswitch.planning.dkmsswitch import MARK, NAMELESS, joined, off_switches

FIRST, SECOND = ("amdgpu", "6.10"), ("amdgpu-patched", "1.0")


def shared(*modules: tuple[str, str]) -> str:
    return {one.path: one.text for one in off_switches(modules)}[NAMELESS]


def test_each_module_has_its_own_switch_and_its_line_in_the_shared_one():
    made = {one.path: one.text for one in off_switches([FIRST, SECOND])}

    assert sorted(made) == [NAMELESS, "etc/dkms/amdgpu-6.10.conf", "etc/dkms/amdgpu-patched-1.0.conf"]
    assert all(text.startswith(MARK) for text in made.values())
    assert 'AUTOINSTALL=""\n' in made["etc/dkms/amdgpu-6.10.conf"]
    assert made[NAMELESS].count('"$m/$v" = ') == 2


def test_nothing_is_switched_off_where_nothing_is_named():
    assert off_switches([]) == ()


def test_the_shared_switch_keeps_what_it_says_of_others():
    assert joined(shared(FIRST), shared(SECOND), []) == shared(FIRST, SECOND)
    assert joined(shared(FIRST), shared(FIRST), []) == shared(FIRST)


def test_what_is_built_from_now_on_leaves_it_and_with_the_last_one_it_goes():
    assert joined(shared(FIRST, SECOND), "", [SECOND]) == shared(FIRST)
    assert joined(shared(FIRST), "", [FIRST]) == ""
    assert joined("", "", [FIRST]) == ""
