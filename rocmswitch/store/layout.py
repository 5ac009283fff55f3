"""Where things lie: path arithmetic, nothing else.

Three forms: a user's own folders by the XDG base directory specification, the machine's (`--system`), and
all of a scope under one folder (`ROCMSWITCH_HOME`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.errors import MachineLacks


@dataclass(frozen=True)
class Layout:
    """The folders of one scope. `scope` is `user`, `system`, or `driver`: the kernel modules of one system."""

    scope: str
    data: Path
    cache: Path
    config: Path

    @classmethod
    def user(cls, environment: Mapping[str, str]) -> Layout:
        """The folders of the user whose environment this is. ROCMSWITCH_HOME moves them. Raises MachineLacks."""
        if environment.get("ROCMSWITCH_HOME"):
            own = cls.under(Path(environment["ROCMSWITCH_HOME"]).absolute())
            return replace(own, data=_listable(own.data))
        home = _home(environment)
        return cls(
            "user",
            _listable(_xdg(environment, "XDG_DATA_HOME", home / ".local/share") / "rocmswitch"),
            _xdg(environment, "XDG_CACHE_HOME", home / ".cache") / "rocmswitch",
            _xdg(environment, "XDG_CONFIG_HOME", home / ".config") / "rocmswitch",
        )

    @classmethod
    def system(cls) -> Layout:
        """The folders that all users of the machine share; only root may write them."""
        return cls("system", Path("/opt/rocmswitch"), Path("/var/cache/rocmswitch"), Path("/etc/rocmswitch"))

    @classmethod
    def driver(cls, root: Path) -> Layout:
        """What is recorded of the kernel modules of the system at *root*, and lies in it; root's alone."""
        return cls(
            "driver",
            root / "var/lib/rocmswitch/driver",
            root / "var/cache/rocmswitch",
            root / "etc/rocmswitch",
        )

    @classmethod
    def under(cls, folder: Path) -> Layout:
        return cls("user", folder / "data", folder / "cache", folder / "config")

    @property
    def prefixes(self) -> Path:
        return self.data / "prefixes"

    @property
    def venvs(self) -> Path:
        return self.data / "venvs"

    @property
    def pythons(self) -> Path:
        """Interpreters that uv has fetched for us."""
        return self.data / "pythons"

    @property
    def activations(self) -> Path:
        return self.data / "activations"

    @property
    def modulefiles(self) -> Path:
        """What `module use` gets: a folder `rocm` with a modulefile for each prefix. Only the machine's has it."""
        return self.data / "modulefiles"

    @property
    def shell(self) -> Path:
        """What the scripts in `activations` are made of, and the hooks: copies of what rocmswitch carries."""
        return self.data / "shell"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    @property
    def journal(self) -> Path:
        return self.data / "journal"

    @property
    def open_journal(self) -> Path:
        """Lies there while a change is made, and after one that was broken off."""
        return self.journal / "open"

    @property
    def snapshots(self) -> Path:
        """Copies of what a change of kernel modules could touch: `N`, by number."""
        return self.data / "snapshots"

    @property
    def quarantine(self) -> Path:
        """What recover.sh, which keeps no journal, has taken away: `N`, by number."""
        return self.data / "quarantine"

    @property
    def manifests(self) -> Path:
        """The user's own manifests."""
        return self.data / "manifests"

    @property
    def seen(self) -> Path:
        """The newest Date seen of each verified index: not in the cache, because a cache may be deleted."""
        return self.data / "seen"

    @property
    def resolutions(self) -> Path:
        """What the packages of environments were resolved to."""
        return self.data / "resolutions"

    @property
    def drafts(self) -> Path:
        """Files on their way to where they belong, while leftovers of other ROCms are taken away."""
        return self.data / "leftovers"

    @property
    def checks(self) -> Path:
        """What was seen when environments were looked at: `NAME.json`."""
        return self.data / "checks"

    @property
    def probes(self) -> Path:
        """What probes have found: `MACHINE/STACK/TIME.json`."""
        return self.data / "probes"

    @property
    def locks(self) -> Path:
        return self.data / "locks"

    @property
    def archives(self) -> Path:
        """Verified archives, each named by its SHA-256."""
        return self.cache / "sha256"

    @property
    def partial(self) -> Path:
        """Archives that are still arriving, each named by the hash it should have."""
        return self.cache / "partial"

    @property
    def scratch(self) -> Path:
        """What commands need while they run."""
        return self.cache / "scratch"

    @property
    def indexes(self) -> Path:
        return self.cache / "indexes"

    @property
    def uv(self) -> Path:
        """What uv unpacks and remembers: environments are links to it."""
        return self.cache / "uv"

    @property
    def config_file(self) -> Path:
        return self.config / "config.yaml"


def readable(environment: Mapping[str, str]) -> tuple[Layout, ...]:
    """The scopes that a reading command looks through: the user's, then the machine's."""
    return (Layout.user(environment), Layout.system())


def _home(environment: Mapping[str, str]) -> Path:
    """The user database knows it where a job has no HOME; a container's made-up user is not in there."""
    try:
        return Path(environment.get("HOME") or Path.home())
    except RuntimeError as error:
        raise MachineLacks(
            "this user has no home folder, and neither HOME nor ROCMSWITCH_HOME names one"
        ) from error


def _listable(folder: Path) -> Path:
    """*folder*, if PATH and search paths can name what is in it. Raises MachineLacks."""
    if ":" in str(folder):
        said = f"`{folder}` has a colon, which parts the folders of PATH: nothing in it would be found"
        raise MachineLacks(f"{said}; ROCMSWITCH_HOME moves it")
    return folder


def _xdg(environment: Mapping[str, str], name: str, otherwise: Path) -> Path:
    """An XDG folder; the specification says that a relative one is to be ignored."""
    value = environment.get(name, "")
    return Path(value) if value.startswith("/") else otherwise
