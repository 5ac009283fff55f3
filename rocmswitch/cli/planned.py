"""How a plan is shown before anybody agrees to it."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.cli import output
from rocmswitch.cli.slimness import say_choice
from rocmswitch.model.package import Artifact
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.space import Room, space_needed
from rocmswitch.planning.wheels import VenvPlan

TO_DOWNLOAD, FROM_BUNDLE = "to download", "from the bundle"
"""Where the bytes are that are not here already."""


def show_install(
    plan: InstallPlan, rooms: tuple[Room, Room], *, signer: str = "signed by", where: str = TO_DOWNLOAD
) -> None:
    """What will be fetched and unpacked, where from and by what it is checked; on stderr.

    *rooms* is what is free for archives and for trees. *signer* are the words before whose key it was, for who has
    not checked that. *where* is one of the words above.
    """
    sets = ", ".join(plan.sets)
    left = f", and {len(plan.host)} that this machine has" if plan.host else ""
    output.say(f"{plan.name} ({sets}): {output.counted(len(plan.packages), 'package')}{left}")
    base = [one for one in plan.packages if one.place == "base"]
    if base and not plan.carries_c_library:
        output.say(f"carried along because this machine lacks it: {', '.join(one.package.name for one in base)}")
    estimated = any(source.kind == "tarball" for source in plan.sources)
    _say_bytes(f"{output.size(plan.download_size)} {where}", plan.cached_size, plan.installed_size, about=estimated)
    say_choice(plan)
    for room, needed in space_needed(plan, *rooms):
        output.say(f"{output.size(room.free)} free in {room.folder}, {output.size(needed)} of it needed")
    classes = sorted({one.verification for one in plan.packages})
    for source in plan.sources:
        expired = ", EXPIRED" if source.expired else ""
        where = source.url or "the tested lock:"
        if source.kind == "tarball":
            output.say(f"from {where}, by its hash {source.sha256 or '(not known before it is here)'}")
            continue
        output.say(f"from {where} {source.suite} of {source.date}{expired}, {signer} {source.fingerprint}")
    output.say(f"every package is checked: {', '.join(classes)}")
    notes = list(plan.notes)
    if {" ", ","} & set(rooms[1].folder):
        notes.append(f"hipcc does not work below `{rooms[1].folder}`: it cannot read a path with a space or comma")
    for note in notes:
        output.say(f"note: {note}")


def list_packages(plan: InstallPlan) -> None:
    """The packages, one by one, as data."""
    output.table(
        ("Package", "Version", "Place", "Checked", "Size"),
        [
            (
                one.package.name,
                one.package.version,
                one.place,
                one.verification + (", shared" if one.shared else ", cached" if one.cached else ""),
                output.size(one.package.size),
            )
            for one in plan.packages
        ],
    )


def install_as_json(plan: InstallPlan, rooms: tuple[Room, Room]) -> dict[str, object]:
    """The plan for programs, with what is free for it."""
    space = [
        {"folder": room.folder, "free": room.free, "needed": needed} for room, needed in space_needed(plan, *rooms)
    ]
    return {**plan.as_json(), "space": space}


def show_venv(plan: VenvPlan, rooms: tuple[Room, Room], *, where: str = TO_DOWNLOAD) -> None:
    """The environment, and the prefix first where it has to be made; *where* as in `show_install`."""
    if plan.install is not None:
        show_install(plan.install, rooms, where=where)
    interpreter = plan.interpreter
    python = f"Python {interpreter.shown} ({interpreter.tag})"
    gets = "fetches" if where == TO_DOWNLOAD else "unpacks the bundle's"
    fetched = f"; uv {gets} {python} first" if interpreter.fetch else f", {python}"
    output.say(f"environment {plan.name}: {plan.stack}{fetched}")
    for line in _wheel_lines(plan, "in the bundle" if where == FROM_BUNDLE else "from your own index"):
        output.say(f"  {line}")
    have = sum(one.size for one in plan.wheels if one.filename in plan.cached)
    _say_bytes(f"{output.size(plan.wheels_size)} {where}", have, plan.unpacked, about=True)
    if plan.replaces:
        output.say(f"what {plan.name} means now stays on the disk: `rocmswitch undo` brings it back")
    for note in (*plan.notes, *plan.today):
        output.say(f"note: {note}")


def _wheel_lines(plan: VenvPlan, rest_is: str) -> Iterator[str]:
    """Those that have to fit together one by one, the rest as a count, with where it is."""
    named = {pin.partition("==")[0] for pin in plan.pins if "==" in pin}
    wheels = plan.files
    family = [one for one in wheels if one.name in named or not named]
    for wheel in sorted(family, key=lambda one: (one.name != "torch", one.name)):
        kind = wheel.verification if isinstance(wheel, Artifact) else "first-use, its hash is taken as it arrives"
        where = "here already" if wheel.filename in plan.cached else output.size(wheel.size)
        yield f"{wheel.name} {wheel.version}  {kind}, {where}"
    own = plan.convolutions
    if own.wheel is not None:
        yield f"{own.wheel.name} {own.wheel.version}  made by rocmswitch: {own.reason}"
    rest = [one for one in wheels if one not in family]
    if rest:
        names = ", ".join(one.name for one in rest[:4]) + (", …" if len(rest) > 4 else "")
        yield f"and {len(rest)} more {rest_is} ({names}), {output.size(sum(one.size for one in rest))}"


def _say_bytes(download: str, cached: int, installed: int, *, about: bool = False) -> None:
    from_cache = f", {output.size(cached)} are here already" if cached else ""
    on_disk = f"{'about ' if about else ''}{output.size(installed)}"
    output.say(f"{download}{from_cache}; {on_disk} on disk")
