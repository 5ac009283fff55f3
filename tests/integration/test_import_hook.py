"""What the wheel of the convolutions does to every start of Python, and to `import torch` where that is old."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.eachpython import python as python
from tests.support.guesttorch import GuestTorch, put_wheel
from tests.support.kfd import RX5700XT, plug

GUEST = Path(__file__).parents[2] / "rocmswitch/guest"
MODULES = "import sys; print(*sorted(sys.modules))"


@pytest.fixture
def old(tmp_path: Path) -> GuestTorch:
    """With a torch that calls no entry points."""
    return GuestTorch(tmp_path, newer=False)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    return plug(tmp_path / "machine", RX5700XT)


def test_every_guest_compiles_and_the_hook_works_in_each_python_of_this_machine(
    python: str, tmp_path: Path
) -> None:
    files = sorted(str(path) for path in GUEST.rglob("*.py"))
    code = "import sys\nfor one in sys.argv[1:]: compile(open(one, encoding='utf-8').read(), one, 'exec')"
    compiled = subprocess.run([python, "-c", code, *files], capture_output=True, text=True, check=False)
    assert (len(files) > 8, compiled.returncode) == (True, 0), compiled.stderr
    here = GuestTorch(tmp_path, python=python, newer=False)

    said = here.told("import torch; report()", cards=plug(tmp_path / "machine", RX5700XT))

    assert (said["installed"], said["flag"]) == ([["CUDA", False]], False)


def test_a_start_imports_one_small_module_and_nothing_else(old: GuestTorch) -> None:
    with_it = set(old.run(MODULES).stdout.split())
    path = old.site / "rocmswitch_convolutions.pth"
    path.write_text("# nothing\n")  # since 3.13 site loads a codec of its own for every such file

    assert with_it - set(old.run(MODULES).stdout.split()) == {"_rocmswitch_convolutions"}


def test_another_import_brings_none_of_it_in(old: GuestTorch) -> None:
    (old.site / "torchless.py").touch()
    done = old.run("import json, torchless; import sys; print([one for one in sys.modules if 'convol' in one])")

    assert done.stdout == "['_rocmswitch_convolutions']\n"


@pytest.mark.parametrize("newer", (True, False))
def test_it_runs_once_and_when_torch_is_whole(newer: bool, tmp_path: Path, cards: Path) -> None:
    here = GuestTorch(tmp_path, newer=newer)
    code = (
        "import torch, importlib; importlib.reload(torch); import torch.backends.cudnn; "
        "import _rocmswitch_convolutions as hook; hook.autoload(); "
        "import sys; report(finders=sum(type(one).__name__ == 'TorchFinder' for one in sys.meta_path))"
    )

    said = here.told(code, cards=cards)

    assert (said["installed"], said["finders"]) == ([["CUDA", False]], 0)


def test_looking_for_torch_is_not_importing_it(old: GuestTorch, cards: Path) -> None:
    code = (
        "from importlib.util import find_spec; found = find_spec('torch'); import sys; "
        "before = 'rocmswitch_convolutions' in sys.modules; import torch; "
        "report(before=before, origin=found.origin, loader=type(torch.__loader__).__name__)"
    )

    said = old.told(code, cards=cards)

    assert (said["before"], said["installed"]) == (False, [["CUDA", False]])
    assert (said["origin"], said["loader"]) == (str(old.torch / "__init__.py"), "SourceFileLoader")


def test_the_source_and_the_files_of_torch_are_still_found(old: GuestTorch) -> None:
    (old.torch / "words.txt").write_text("words")
    code = (
        "import torch, inspect, pkgutil; print('whole = True' in inspect.getsource(torch), "
        "pkgutil.get_data('torch', 'words.txt'), torch.__spec__.name)"
    )

    assert old.run(code).stdout == "True b'words' torch\n"


def test_a_torch_that_fails_fails_as_before_and_may_be_imported_again(old: GuestTorch, cards: Path) -> None:
    init = old.torch / "__init__.py"
    init.write_text(f"import sys\nif not hasattr(sys, 'again'): raise ImportError('once')\n{init.read_text()}")
    code = (
        "import sys\ntry: import torch\nexcept ImportError as error: said = str(error)\n"
        "sys.again = 1; import torch; report(said=said)"
    )

    said = old.told(code, cards=cards)

    assert (said["said"], said["installed"]) == ("once", [["CUDA", False]])


def test_without_torch_the_error_is_the_usual_one(old: GuestTorch) -> None:
    old.torch.rename(old.site / "no_torch")

    done = old.run("import torch")

    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'torch'"


FINDER = """\
import sys
from importlib.util import spec_from_file_location
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "torch":
            return spec_from_file_location(name, {file!r}, submodule_search_locations=[{folder!r}])
sys.meta_path.{how}
"""


@pytest.mark.parametrize("how", ("append(Finder)", "insert(0, Finder)"))
def test_an_editable_torch_is_found_by_its_own_finder(
    how: str, old: GuestTorch, cards: Path, tmp_path: Path
) -> None:
    elsewhere = old.torch.rename(tmp_path / "checkout")
    text = FINDER.format(file=str(elsewhere / "__init__.py"), folder=str(elsewhere), how=how)
    (old.site / "__editable___torch_finder.py").write_text(text)
    (old.site / "__editable__.torch.pth").write_text("import __editable___torch_finder\n")

    said = old.told("import torch; report(file=torch.__file__)", cards=cards)

    assert said["file"] == str(elsewhere / "__init__.py")
    assert said["installed"] == [["CUDA", False]]


def test_a_torch_in_a_zip_is_imported(old: GuestTorch, tmp_path: Path, cards: Path) -> None:
    archive = tmp_path / "torch.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in old.torch.rglob("*.py"):
            file.write(path, path.relative_to(old.site))
        file.writestr("beside.py", "x = 1\n")
    old.torch.rename(old.site / "no_torch")

    said = old.told(
        f"import sys; sys.path.append({str(archive)!r}); import torch, beside; report(x=beside.x)", cards=cards
    )

    assert (said["x"], said["installed"]) == (1, [["CUDA", False]])


def test_a_module_that_lies_there_already_counts_as_torch(old: GuestTorch) -> None:
    done = old.run(
        "import sys, types; sys.modules['torch'] = types.ModuleType('torch'); import torch; print('there')"
    )

    assert (done.stdout, done.stderr) == ("there\n", "")


def test_threads_that_import_torch_at_once_get_one_that_is_whole(old: GuestTorch, cards: Path) -> None:
    init = old.torch / "__init__.py"
    init.write_text(f"import time; time.sleep(0.05)\n{init.read_text()}")
    code = (
        "import threading\nseen = []\n"
        "def one():\n    import torch; seen.append(torch.enabled[0])\n"
        "threads = [threading.Thread(target=one) for _ in range(8)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
        "report(seen=seen)"
    )

    said = old.told(code, cards=cards)

    assert (said["installed"], said["seen"]) == ([["CUDA", False]], [False] * 8)


@pytest.mark.parametrize(("flag", "there"), (("-I", True), ("-E", True), ("-S", False)))
def test_flags_of_python_mean_what_they_always_mean(flag: str, there: bool, old: GuestTorch) -> None:
    done = old.run("import sys; print('_rocmswitch_convolutions' in sys.modules)", flag)

    assert (done.stdout, done.stderr) == (f"{there}\n", "")


def test_a_package_that_was_removed_by_hand_leaves_python_silent(old: GuestTorch) -> None:
    (old.site / "_rocmswitch_convolutions.py").unlink()

    done = old.run("print('started')")

    assert (done.stdout, done.stderr) == ("started\n", "")


def test_a_build_in_isolation_hears_nothing_of_it(old: GuestTorch) -> None:
    """pip's takes the folder of the environment from the path, after its .pth files were read."""
    code = (
        f"import sys; site = {str(old.site)!r}; sys.path.remove(site); sys.path.append({str(old.folder)!r}); "
        "import torch; print(torch.whole)"
    )
    old.torch.rename(old.folder / "torch")

    done = old.run(code)

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_two_environments_of_one_process_act_once(old: GuestTorch, tmp_path: Path, cards: Path) -> None:
    """As with `--system-site-packages`, where both folders have their .pth file read."""
    other = tmp_path / "other"
    other.mkdir()
    put_wheel(other, tmp_path)

    said = old.told(f"import site; site.addsitedir({str(other)!r}); import torch; report()", cards=cards)

    assert said["installed"] == [["CUDA", False]]


def test_the_line_of_the_pth_file_is_one_and_begins_as_site_asks(old: GuestTorch) -> None:
    text = (old.site / "rocmswitch_convolutions.pth").read_text()

    assert (text.startswith("import "), text.count("\n"), text.isascii()) == (True, 1, True)
