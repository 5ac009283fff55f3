"""Parameters of amdgpu and its companions in a file of ours: what it shall say, and what comes of it.

modprobe.d(5): files are read in the order of their names, and of two values of one parameter the later counts.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from rocmswitch.errors import NotFound, Refused, UsageMistake
from rocmswitch.model.kernel import MODULES, BootImage, Kernel, System
from rocmswitch.planning.moduleoptions import Option, fits, is_same, options, type_of

CONF = "etc/modprobe.d/rocmswitch.conf"
FIRST_LINE = "# Made by rocmswitch: `rocmswitch driver set` and `driver unset` change it."
_OURS = "# Made by rocmswitch"
_WORD = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)(?:=([A-Za-z0-9_.,:;+/@%=-]+))?")
"""No quotes, blanks, `#` or backslash: nothing that modprobe, the kernel and a shell would read differently."""
_EXAMPLE = "amdgpu.vm_size=8"


@dataclass(frozen=True)
class ParameterPlan:
    """`before` and `after` are the text of our file; empty where there is, or shall be, none."""

    verb: str
    """`set` or `unset`."""
    before: str
    after: str
    notes: tuple[str, ...] = ()
    """What the user may not expect: sentences without a full stop."""
    images: tuple[str, ...] = ()
    """Kernels whose boot images do not say what `after` says."""

    @property
    def is_empty(self) -> bool:
        return self.before == self.after and not self.images

    def as_json(self) -> dict[str, object]:
        return {
            "verb": self.verb,
            "file": f"/{CONF}",
            "before": self.before.splitlines(),
            "after": self.after.splitlines(),
            "notes": list(self.notes),
            "images": list(self.images),
        }


@dataclass
class _File:
    """Our file, taken apart: by module, in the order of its lines, each parameter with its value."""

    values: dict[str, dict[str, str | None]] = field(default_factory=dict)

    def text(self) -> str:
        lines = [
            " ".join(["options", module, *(_assigned(name, value) for name, value in values.items())])
            for module, values in self.values.items()
            if values
        ]
        return "\n".join([FIRST_LINE, *lines, ""]) if lines else ""


def parse_words(words: Sequence[str], *, is_set: bool) -> tuple[Option, ...]:
    """Each as `parse_word`. Raises UsageMistake where one parameter is named twice."""
    wishes = tuple(parse_word(word, is_set=is_set) for word in words)
    for number, one in enumerate(wishes):
        if any(other.module == one.module and is_same(other.name, one.name) for other in wishes[:number]):
            raise UsageMistake(f"`{one.module}.{one.name}` is named twice")
    return wishes


def parse_word(word: str, *, is_set: bool) -> Option:
    """`amdgpu.vm_size=8`, or without a value to take it away. Raises UsageMistake, NotFound for other modules."""
    match = _WORD.fullmatch(word)
    if match is None or (match[3] is not None) is not is_set:
        form = "MODULE.PARAMETER=VALUE" if is_set else "MODULE.PARAMETER"
        verb, example = ("set", _EXAMPLE) if is_set else ("unset", _EXAMPLE.partition("=")[0])
        raise UsageMistake(
            f"`{word[:60]!a}` is not of the form {form}".replace("`'", "`").replace("'`", "`"),
            hint=f"write it as in `rocmswitch driver {verb} {example}`",
        )
    module = next((one for one in MODULES if is_same(one, match[1])), "")
    if not module:
        near = _nearest(match[1], MODULES)
        raise NotFound(
            f"`{match[1][:60]}` is none of the modules that belong to amdgpu",
            hint=f"run the same command with `{near}.{match[2]}`" if near else None,
        )
    return Option(module, match[2], match[3])


def plan_set(system: System, wishes: Sequence[Option], before: str) -> ParameterPlan:
    """Raises NotFound where no kernel's module has a parameter, UsageMistake for a value that it would not take,
    Refused where our file is not as we write it.
    """
    file = _parsed(system, before)
    notes = [note for wish in wishes for note in (*_kernel_notes(system, wish), *_rivals(system, wish))]
    for wish in wishes:
        values = file.values.setdefault(wish.module, {})
        values.pop(_known_as(wish.name, values), None)
        values[wish.name] = wish.value
    return _planned("set", system, before, file.text(), notes)


def plan_unset(system: System, wishes: Sequence[Option], before: str) -> ParameterPlan:
    """Raises NotFound where our file does not set a parameter, Refused as `plan_set`."""
    file, notes = _parsed(system, before), []
    for wish in wishes:
        values = file.values.get(wish.module, {})
        name = _known_as(wish.name, values)
        if name not in values:
            raise NotFound(*_not_set(system, wish))
        del values[name]
        notes += [f"{where} sets `{wish.name}`, too: that stays" for where, _ in _others(system, wish)]
    return _planned("unset", system, before, file.text(), notes)


def is_as_written(text: str) -> bool:
    """Whether our file has nothing but what rocmswitch writes there."""
    return bool(text) and _taken_apart(text) is not None


def _stale_images(system: System, after: str) -> tuple[str, ...]:
    """The kernels with a boot image in which our file is another, or there when it shall not be."""
    return tuple(one.release for one in system.kernels if any(_is_stale(image, after) for image in one.images))


def _planned(verb: str, system: System, before: str, after: str, notes: Sequence[str]) -> ParameterPlan:
    images = _stale_images(system, after)
    unread = [image.path for one in system.kernels for image in one.images if image.problem]
    told = [f"`/{path}` cannot be read: whether it has to be made anew is not known" for path in unread]
    return ParameterPlan(verb, before, after, tuple(dict.fromkeys((*notes, *told))), images)


def _is_stale(image: BootImage, after: str) -> bool:
    """An image without modprobe.d and amdgpu has no use for the setting: both are read from the root then."""
    packed = [one.unpacked for one in image.settings if PurePath(one.path).name == PurePath(CONF).name]
    if not after:
        return bool(packed)
    if not packed:
        return bool(image.settings or image.modules)
    return packed != [hashlib.sha256(after.encode()).hexdigest()]


def _parsed(system: System, text: str) -> _File:
    file = _taken_apart(text)
    if file is None:
        raise _edited(system)
    return file


def _taken_apart(text: str) -> _File | None:
    """None where somebody else has written in it."""
    file = _File()
    lines = text.splitlines()
    if lines and not lines[0].startswith(_OURS):
        return None
    for line in lines[1:]:
        words = line.split()
        if len(words) < 3 or words[0] != "options" or words[1] not in MODULES or '"' in line or "\\" in line:
            return None
        for word in words[2:]:
            name, equals, value = word.partition("=")
            file.values.setdefault(words[1], {})[name] = value if equals else None
    return file


def _edited(system: System) -> Refused:
    ours = PurePath(system.root, CONF)
    taken = {PurePath(one.path).name for one in system.setting_files or ()}
    names = ("local.conf", *(f"local-{number}.conf" for number in range(2, len(taken) + 3)))
    free = next(name for name in names if name not in taken)
    return Refused(
        f"`{ours}` has lines that rocmswitch does not write",
        hint=f"run `mv {shlex.quote(str(ours))} {shlex.quote(str(ours.with_name(free)))}`, "
        "then the same command again",
    )


def _kernel_notes(system: System, wish: Option) -> Iterator[str]:
    """For which kernels there is no such parameter."""
    types = {one.release: _type(one, wish) for one in system.kernels if one.winner(wish.module) is not None}
    if not any(types.values()):
        raise _unknown(system, wish)
    for kind in types.values():
        if kind and not fits(wish.value, kind):
            raise UsageMistake(
                f"`{wish.name}` takes {_a(kind)}, and `{wish.value}` is none: `{wish.module}` would not be loaded",
                hint=f"run `{_modinfo(system, wish)}` for what each parameter means",
            )
    for release, kind in types.items():
        if not kind:
            yield f"`{wish.module}` of kernel {release} has no parameter `{wish.name}` and ignores it"


def _unknown(system: System, wish: Option) -> NotFound:
    files = [file for one in system.kernels for file in one.modules if file.name == wish.module]
    if not files:
        return NotFound(f"no kernel of this system has the module `{wish.module}`")
    known = {parameter.partition(":")[0] for file in files for parameter in file.contents.parameters}
    if not known and any(file.contents.fault for file in files):
        root = shlex.quote(system.root)
        return NotFound(
            f"what parameters `{wish.module}` has cannot be told: its files are {files[0].contents.fault}",
            hint=f"run `rocmswitch recover --root {root}`",
        )
    near = _nearest(wish.name, sorted(known))
    return NotFound(
        f"no installed `{wish.module}` has the parameter `{wish.name}`",
        hint=f"run the same command with `{wish.module}.{near}`"
        if near
        else f"run `{_modinfo(system, wish)}` for those that there are",
    )


def _modinfo(system: System, wish: Option) -> str:
    """What lists the parameters of the newest kernel's module."""
    files = [file for one in system.kernels if (file := one.winner(wish.module)) is not None]
    return f"modinfo -p {shlex.quote(str(PurePath(system.root, files[-1].path)))}"


def _type(kernel: Kernel, wish: Option) -> str:
    file = kernel.winner(wish.module)
    return type_of(wish, file.contents.parameters) if file is not None else ""


def _rivals(system: System, wish: Option) -> Iterator[str]:
    """Who else sets the same parameter, and whose value counts."""
    for where, is_later in _others(system, wish):
        if is_later is None:
            yield f"{where} sets `{wish.name}`, too: one of the two counts"
        elif is_later:
            yield f"{where} sets `{wish.name}`, too, and is read later: its value counts"
        else:
            yield f"{where} sets `{wish.name}`, too, and is read earlier: the value set here counts"


def _others(system: System, wish: Option) -> Iterator[tuple[str, bool | None]]:
    """Where, and whether it is read after our file; None for the boot command line."""
    for setting in system.settings:
        for one in options(setting):
            if setting.path != CONF and one.module == wish.module and is_same(one.name, wish.name):
                name = PurePath(setting.path).name
                is_later = None if setting.kind == "bootline" else name > PurePath(CONF).name
                yield f"`/{setting.path}`", is_later


def _not_set(system: System, wish: Option) -> tuple[str]:
    where = [where for where, _ in _others(system, wish)]
    also = f"; {where[0]} does" if where else ""
    return (f"`{wish.module}.{wish.name}` is not set by rocmswitch{also}",)


def _assigned(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"


def _known_as(name: str, values: dict[str, str | None]) -> str:
    return next((one for one in values if is_same(one, name)), name)


def _nearest(name: str, among: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(name, among, 1, cutoff=0.7)), "")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
