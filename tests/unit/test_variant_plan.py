"""What a variant is called, which tree it is, and what its receipt says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import Activation, Assignment
from rocmswitch.model.deployment import FILE, NewFile, Place, Replacement, Seen
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.aliases import plan_aliases
from rocmswitch.planning.deployment import DeploymentPlan
from rocmswitch.planning.naming import resolve_installed
from rocmswitch.planning.variant import VariantPlan, deployed_entry, own_name, variant_name, variant_receipt

STACK = "rocm-6.2.4"
SOURCE = Seen(FILE, 1, 2, 3, 4, 5)
LIBRARY = "opt/rocm-6.2.4/lib/libMIOpen.so.1.0.60204"


def plan(*sources: Seen, replaces: str = "") -> VariantPlan:
    place = Place("prefix", f"{STACK}+patched", "/p/rocm-6.2.4+patched", "/p/.trees/x", 1, 1)
    changes = tuple(
        Replacement("/p/.trees/x", f"{LIBRARY}{number}", Seen(FILE), NewFile(f"/home/u/{number}.so", 9))
        for number, _ in enumerate(sources)
    )
    base_tree = f"{STACK}-0123456789ab"
    return VariantPlan(f"{STACK}+patched", STACK, base_tree, DeploymentPlan(place, changes), sources, replaces)


@pytest.mark.parametrize("name", ["patched", "a", "rdna1-fix", "2.0", "x" * 53])
def test_a_name_of_small_letters_and_digits_names_a_variant(name: str) -> None:
    whole = variant_name(STACK, name)

    assert (whole, own_name(whole, STACK)) == (f"{STACK}+{name}", name)


@pytest.mark.parametrize(
    "name", ["", "+", "a+b", "A", "a b", "a/b", "..", "a..b", "-a", "a-", "é", "x" * 54, "a\n"]
)
def test_what_no_script_could_be_called_is_refused(name: str) -> None:
    with pytest.raises(UsageMistake, match="cannot be the name of a variant"):
        variant_name(STACK, name)


def test_a_stack_is_no_variant_of_itself() -> None:
    assert [own_name(one, STACK) for one in (STACK, "rocm-6.2.40+x", "demo")] == ["", "", ""]


@pytest.mark.parametrize("name", ["patched", "6.3", "my-7.0", "2"])
def test_no_shorter_name_means_a_variant(name: str) -> None:
    """Also where the variant is all that is left of its stack, and whatever it is called."""
    variant = variant_name(STACK, name)

    assert plan_aliases([variant], [STACK, "rocm-7.0.0"], []) == {}
    assert set(plan_aliases([STACK, variant], [STACK], []).values()) == {STACK}
    assert resolve_installed("6.2", [variant, STACK], [STACK]) == STACK


def test_another_file_or_another_state_of_it_makes_another_tree() -> None:
    trees = {plan(one).tree for one in (SOURCE, replace(SOURCE, inode=9), replace(SOURCE, changed=9))}

    assert len(trees) == 3
    assert plan(SOURCE).tree == plan(SOURCE).tree
    assert plan(SOURCE).tree.startswith(f"{STACK}+patched-")


def test_it_is_done_where_the_name_means_that_tree_or_nothing_changes() -> None:
    made = plan(SOURCE).tree

    assert [one.is_done for one in (plan(SOURCE), plan(SOURCE, replaces=made), plan())] == [False, True, True]


def test_the_receipt_has_the_variants_name_and_says_which_files_are_whose() -> None:
    activation = Activation((Assignment("ROCMSWITCH_ACTIVE", STACK), Assignment("ROCM_PATH", "x", under_root=True)))
    base = Receipt("prefix", STACK, STACK, "6.2.4", "t", "then", activation=activation, notes=("before",))

    made = variant_receipt(base, plan(SOURCE), "now")

    assert made == replace(
        base,
        name=f"{STACK}+patched",
        tree=plan(SOURCE).tree,
        created="now",
        activation=replace(
            activation,
            assignments=(Assignment("ROCMSWITCH_ACTIVE", f"{STACK}+patched"), activation.assignments[1]),
        ),
        notes=("before", f"`{LIBRARY}0` is `/home/u/0.so`"),
    )


def test_an_entry_keeps_what_the_package_had_also_behind_a_second_deployment() -> None:
    carried = FileEntry(LIBRARY, "file", 0o444, 9, "a" * 64, package="miopen-hip")
    first = deployed_entry(FileEntry(LIBRARY, "file", 0o444, 8, "b" * 64), carried, "/home/u/1.so", "b" * 64)
    relocated = FileEntry(LIBRARY, "file", 0o444, 7, "d" * 64, reason="DT_RPATH $ORIGIN")

    second = deployed_entry(relocated, first, "/home/u/2.so", "c" * 64)

    assert (second.original_sha256, second.package) == ("a" * 64, "miopen-hip")
    assert second.reason == f"deployed from /home/u/2.so, SHA-256 {'c' * 64}; DT_RPATH $ORIGIN"


def test_what_is_new_in_a_stack_replaces_nothing() -> None:
    entry = deployed_entry(FileEntry("usr/x", "file", 0o444, 1, "a" * 64), None, "/x", "a" * 64)

    assert (entry.original_sha256, entry.package) == ("", "")
