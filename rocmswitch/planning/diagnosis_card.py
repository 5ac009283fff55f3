"""Rows about the card: whether programs reach it, and what its stacks are known to do on it."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import CardSymptoms, DeviceFile, Standing, Symptoms
from rocmswitch.planning.diagnosis_blocked import blockers
from rocmswitch.planning.diagnosis_log import explains, is_driverless

_RULE = (
    """echo 'KERNEL=="kfd|renderD*", GROUP="render", MODE="0660"' | sudo tee /etc/udev/rules.d/70-amdgpu.rules"""
)
"""What AMD's packages and newer systemds bring along; without it the device files are root's alone."""
TOPOLOGY, GPU = "/sys/class/kfd", "ROCMSWITCH_GPU"
CONTAINER_FLAGS = "--device=/dev/kfd --device=/dev/dri --security-opt seccomp=unconfined"


def no_driver(symptoms: Symptoms) -> Iterator[Finding]:
    """A card sits on the bus, and amdgpu's compute driver does not know it: where nothing else tells why."""
    card, loaded = symptoms.card, symptoms.machine.is_loaded
    if not is_driverless(card) or explains(symptoms) or blockers(symptoms):
        return
    state = {
        None: "amdgpu is not loaded, or without its compute part",
        False: "amdgpu is not loaded",
        True: "amdgpu is loaded, and its compute part (CONFIG_HSA_AMD) has taken no card",
    }[loaded]
    look = "sudo dmesg | grep -i -e amdgpu -e kfd"
    text = f"run `{look}`, which says why" if loaded else f"run `sudo modprobe amdgpu`, then `{look}`"
    yield Finding(
        "driver",
        FAULT,
        "a card is there, and its driver offers no GPU to programs",
        card.plugged[0],
        f"{' '.join(card.plugged)} on the PCI bus, nothing in /sys/class/kfd: {state}",
        Remedy(text),
    )


def hidden_card(symptoms: Symptoms) -> Iterator[Finding]:
    """A cgroup keeps the cards for others: a batch system's step without a GPU, or a container."""
    card = symptoms.card
    if card.hidden and not card.gpus:
        text = (
            f"start the container with `{CONTAINER_FLAGS}`"
            if card.contained
            else "ask your batch system for a GPU (Slurm: `srun --gres=gpu:1`), or an administrator for the card"
        )
        what = "a card is there, and this process may not see it"
        why = f"the kernel refuses to show {card.hidden} of the nodes in {TOPOLOGY}: a cgroup says who may"
        yield Finding("hidden", WARNING, what, TOPOLOGY, why, Remedy(text))


def no_device_file(symptoms: Symptoms) -> Iterator[Finding]:
    """In a container above all: it sees the card in /sys and was not given it."""
    card = symptoms.card
    gone = [one for one in card.devices if not one.there] if card.gpus else []
    if gone:
        names = " and ".join(f"`{one.path}`" for one in gone)
        text = (
            f"start the container with `{CONTAINER_FLAGS}`"
            if card.contained
            else "run `sudo modprobe amdgpu`, then `sudo udevadm trigger`"
        )
        what = f"a card is there, but not {names}"
        why = f"the driver knows {card.gpus[0].target}, and programs reach it through {names} alone"
        yield Finding("device", FAULT, what, gone[0].path, why, Remedy(text))


def no_rights(symptoms: Symptoms) -> Iterator[Finding]:
    """Only the group of a device file may open it (ROCm/ROCm#1798)."""
    card = symptoms.card
    closed = [one for one in card.devices if one.there and not one.usable]
    if closed:
        names = " and ".join(f"`{one.path}`" for one in closed)
        groups = list(dict.fromkeys(one.group for one in closed if one.group))
        owners = f"the group {' and '.join(groups)}" if groups else "root"
        why = f"{card.user or 'this user'} may not read and write {names}: only {owners} may"
        yield Finding(
            "rights", FAULT, "you may not use the card", closed[0].path, why, _admit(card, closed, groups)
        )


def several_cards(symptoms: Symptoms) -> Iterator[Finding]:
    """What a stack sets for one card holds for every card of a process (a laptop's own one, and a large one)."""
    card = symptoms.card
    if _is_in_the_way(card):
        return
    targets = list(dict.fromkeys(gpu.target for gpu in card.gpus))
    others = [target for target in targets if target != card.target]
    if card.stacks and others and not card.named:
        said = f"{', '.join(targets[:-1])} and {targets[-1]}"
        what = f"this machine has {said}, and stacks set what {card.target} needs"
        why = f"it is the first in {TOPOLOGY}; variables like HSA_OVERRIDE_GFX_VERSION hold for all cards at once"
        fish = symptoms.shell.hook.shell == "fish"
        command = f"set -Ux {GPU} {others[0]}" if fish else f"export {GPU}={others[0]}"
        text = f"run `{command}` where you compute on that one" + (
            "" if fish else ", also in your shell's start-up file"
        )
        yield Finding("cards", NOTE, what, TOPOLOGY, why, Remedy(text))


def integrated(symptoms: Symptoms) -> Iterator[Finding]:
    """A processor's own GPU is slow, often without code in a stack, and the first that programs are given."""
    card = symptoms.card
    if not _is_in_the_way(card):
        return
    number, large = next((at, one) for at, one in enumerate(card.gpus) if one.node not in card.integrated)
    small = card.gpus[0] if number else next(one for one in card.gpus if one.node in card.integrated)
    order = "comes before" if number else "stands beside"
    name, value = "ROCR_VISIBLE_DEVICES", str(number)
    command = f"set -Ux {name} {value}" if symptoms.shell.hook.shell == "fish" else f"export {name}={value}"
    yield Finding(
        "integrated",
        WARNING if number else NOTE,
        f"the processor's own GPU ({small.target}) {order} the card ({large.target})",
        TOPOLOGY,
        f"programs count from 0 in that order and take the first, or both: node {small.node} is the processor's, "
        f"node {large.node} the card at {large.address}",
        Remedy(f"run `{command}`, which shows programs the card alone; or turn the other one off in the firmware"),
    )


def known_bad(symptoms: Symptoms) -> Iterator[Finding]:
    """What hangs, crashes or computes wrong numbers on this card, as the manifests tell with evidence."""
    target = symptoms.card.target
    for one in (one for one in symptoms.card.stacks if one.known_bad):
        yield Finding(
            f"known-bad:{one.stack}",
            WARNING,
            f"`{one.stack}` is known to fail on {target}: {', '.join(one.known_bad)}",
            target,
            f"reported in {', '.join(one.evidence)}" if one.evidence else "its manifest says so, without evidence",
            _better(one),
        )


def unknown_card(symptoms: Symptoms) -> Iterator[Finding]:
    """Nobody has told what this stack does on this card, or that it does nothing."""
    target = symptoms.card.target
    for one in symptoms.card.stacks:
        if one.support == "none":
            why = "it has no code for this card" + (f": {', '.join(one.evidence)}" if one.evidence else "")
            what = f"`{one.stack}` does not work on {target}"
            yield Finding(f"no-support:{one.stack}", WARNING, what, target, why, _better(one))
        elif one.support in ("", "unknown") and target:
            what = f"nothing is known of {target} with `{one.stack}`"
            why = "its manifest does not name this card: it may work, or not"
            yield Finding(f"unknown-card:{one.stack}", NOTE, what, target, why, _better(one))


def _is_in_the_way(card: CardSymptoms) -> bool:
    """Both kinds are there, and nobody has said which to show."""
    kinds = {one.node in card.integrated for one in card.gpus}
    return len(kinds) == 2 and not card.chosen and not card.named


def _admit(card: CardSymptoms, closed: list[DeviceFile], groups: list[str]) -> Remedy:
    if card.contained:
        if any(one.is_unmapped for one in closed):
            told = "join that group outside of it, and start it as rootless podman does"
            return Remedy(f"{told}: `podman run {CONTAINER_FLAGS} --group-add keep-groups`")
        added = " ".join(f"--group-add {group}" for group in groups)
        return Remedy(f"start the container with `{CONTAINER_FLAGS}{' ' if added else ''}{added}`")
    if groups and all(one.joined for one in closed):
        return Remedy(f"log out and in again: you are in {' and '.join(groups)} only since this session began")
    join = f"sudo usermod -aG {','.join(groups) or 'render'} {card.user or '$USER'}"
    if not groups:
        join = f"{_RULE} && sudo udevadm control --reload && sudo udevadm trigger && {join}"
    return Remedy(f"run `{join}`, then log out and in again")


def _better(one: Standing) -> Remedy | None:
    command = ("use", one.better, "--venv", "NAME")
    return Remedy(f"run `rocmswitch {' '.join(command)}`: it is known to do better") if one.better else None
