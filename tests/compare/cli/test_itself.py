"""``jaxport``, and every process that it starts, runs its own packages, whatever else has their names."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import compare
from compare.cli.itself import itself

ROOT = Path(__file__).parents[3]
HOSTILE = "print('the one of the user')\nraise SystemExit(0)\n"
PRINT_OWN = "import compare, jaxport, torchref; print(compare.__file__, jaxport.__file__, torchref.__file__)"


@pytest.fixture(params=["files", "folders"])
def clash(request, tmp_path):
    """A working folder with the user's own modules, or packages, of our names and of NumPy's."""
    for name in ("compare", "torchref", "jaxport", "numpy"):
        path = tmp_path / f"{name}.py" if request.param == "files" else tmp_path / name / "__init__.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HOSTILE)
    return tmp_path


def run(command, folder, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    return subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)


def test_in_a_folder_with_a_clash(clash):
    """The packages are not even on the path here: they are found by their place. Exit code 2, not the user's 0."""
    ran = run(itself("verify", "nope"), clash)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("jaxport: unknown pair 'nope'")


def test_with_the_folder_on_pythonpath(clash):
    """As ``PYTHONPATH=.`` puts it, or an empty entry; of NumPy nothing is claimed there, since Python itself takes the
    user's."""
    for file in (clash / "numpy.py", clash / "numpy" / "__init__.py"):
        file.unlink(missing_ok=True)
    for path in (".", f"{os.pathsep}{clash / 'nowhere'}"):
        ran = run(itself("verify", "nope"), clash, PYTHONPATH=path)
        assert (ran.returncode, ran.stdout, ran.stderr[:7]) == (2, "", "jaxport")


def test_both_sides_are_our_own(clash):
    """What is imported later, by its name, is what stands beside the command, also once the folder is on the path."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import jaxport_command; sys.path.pop(0); "
    program += f"sys.path.insert(0, {str(clash)!r}); {PRINT_OWN}"
    ran = run([sys.executable, "-P", "-c", program], clash)
    assert ran.stderr == ""
    assert ran.stdout.split() == [str(ROOT / name / "__init__.py") for name in ("compare", "jaxport", "torchref")]


def test_a_process_that_multiprocessing_spawns(clash):
    """Such as a data loader's worker: it reads the command's file under another name, with the parent's path."""
    command = str(ROOT / "jaxport_command.py")
    program = f"import runpy, sys; sys.path.insert(0, {str(clash)!r}); "
    program += f"runpy.run_path({command!r}, run_name='__mp_main__'); {PRINT_OWN}"
    ran = run([sys.executable, "-P", "-c", program], clash)
    assert ran.stdout.split() == [str(ROOT / name / "__init__.py") for name in ("compare", "jaxport", "torchref")]


def test_a_strangers_package_that_is_loaded_already_gives_way(clash):
    """Such as one that a start-up file of Python's imported."""
    program = (
        f"import sys, types; sys.modules['compare'] = types.ModuleType('compare'); sys.path.insert(0, {str(ROOT)!r})"
    )
    program += f"; import jaxport_command; sys.path.pop(0); {PRINT_OWN}"
    ran = run([sys.executable, "-P", "-c", program], clash)
    assert ran.stdout.split()[:1] == [compare.__file__]


INTERRUPTED = """
import atexit, importlib.abc, os, runpy, signal, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *given):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
if not {module!r}:
    atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv = ["jaxport", "read"]
runpy.run_path({command!r}, run_name="__main__")
"""


@pytest.mark.parametrize("module", ["compare.cli", "argparse", "compare.report.lesson", ""])
def test_ctrl_c_while_it_starts_and_ends_is_one_line(tmp_path, module):
    """In the middle of an import, of the command's own as well, and when everything is done."""
    program = INTERRUPTED.format(module=module, command=str(ROOT / "jaxport_command.py"))
    ran = run([sys.executable, "-P", "-c", program], tmp_path)
    assert (ran.returncode, ran.stderr) == (130, "jaxport: interrupted\n")
    assert bool(ran.stdout) == (not module)


def test_ctrl_c_before_the_commands_first_line_is_one_line(tmp_path):
    """While Python compiles it for ``python -m compare``: nothing of the command has run."""
    program = "import runpy, signal, sys; run = runpy.run_path\n"
    program += "runpy.run_path = lambda *given, **named: signal.default_int_handler(signal.SIGINT, None)\n"
    program += f"run({str(ROOT / 'compare' / '__main__.py')!r}, run_name='__main__')"
    ran = run([sys.executable, "-P", "-c", program], tmp_path)
    assert (ran.returncode, ran.stderr) == (130, "jaxport: interrupted\n")


def test_ctrl_c_of_a_program_that_imports_the_command_is_its_own(tmp_path):
    program = f"import signal, sys; sys.path.insert(0, {str(ROOT)!r})"
    program += "; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program += "; import jaxport_command; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert run([sys.executable, "-P", "-c", program], tmp_path).stdout == "True\n"


def test_ctrl_c_stays_ignored_where_it_is(tmp_path):
    """As under nohup."""
    program = (
        "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.argv = ['jaxport', 'read']\n"
    )
    program += f"try: runpy.run_path({str(ROOT / 'jaxport_command.py')!r}, run_name='__main__')\n"
    program += "finally: print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"  # no result: on standard error
    assert run([sys.executable, "-P", "-c", program], tmp_path).stderr.endswith("True\n")


def test_the_console_command_goes_the_same_way():
    """And the installation brings its file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"jaxport": "jaxport_command:main"}
    assert "jaxport_command" in project["tool"]["setuptools"]["py-modules"]
    assert itself("env") == [sys.executable, "-P", str(ROOT / "jaxport_command.py"), "env"]


def test_make_starts_the_command_and_no_module():
    """``python -m`` would look in the working folder first."""
    assert "-m compare" not in (ROOT / "Makefile").read_text()
