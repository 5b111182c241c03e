"""The pytest plugin: what a failing port says, the summary, the pages, workers, and what it costs who does not ask."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from compare.api import verify
from compare.pair.pair_file import module_of
from pytest_jaxport import own_packages
from tests.compiling import quick_environment

pytest_plugins = ["pytester"]
USERS_MODELS = True
ROOT = Path(__file__).parents[1]
PORTS = """import numpy as np
import torch
from flax import linen

X = np.random.default_rng(0).standard_normal((6, 4), dtype=np.float32)


class Port(linen.Module):
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x):
        return linen.LayerNorm(epsilon=self.epsilon)(linen.Dense(5)(x))


class Reference(torch.nn.Sequential):
    def __init__(self, dtypes=(torch.float32, torch.float64)):
        torch.manual_seed(0)
        super().__init__(torch.nn.Linear(4, 5), torch.nn.LayerNorm(5))
        self.dtypes = dtypes

    def forward(self, x):
        assert x.dtype in self.dtypes, "only float32"
        return super().forward(x)
"""
SOUND = "assert_port(Reference(), Port(), X, device='cpu')"
WRONG = "assert_port(Reference(), Port(epsilon=1e-6), X, device='cpu')"
SINGLE = "assert_port(Reference((torch.float32,)), Port(), X, device='cpu')"  # no oracle: float32_only at best
SENTENCE = "`1` is the first module whose output differs though its inputs agree: epsilon is 1e-06 in the port"
FAST = ("-p", "pytest_jaxport", "-p", "no:cacheprovider")


def module(**tests):
    """A module of tests by their names, each of them one line."""
    return PORTS + "".join(f"\n\ndef test_{name}(assert_port):\n    {line}\n" for name, line in tests.items())


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """All that a verification imports: pytester forgets what is first imported inside, and torch comes only once."""
    path = tmp_path_factory.mktemp("loaded") / "models.py"
    path.write_text(PORTS)
    models = module_of(path)
    report = verify(models.Reference((models.torch.float32,)), models.Port(1e-6), models.X, device="cpu")
    report.to_html(path.with_suffix(".html"))


@pytest.fixture
def suite(pytester, monkeypatch, loaded):
    """Run a user's tests in this process, quick unless told otherwise; no option of the outer session reaches them."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "JAXPORT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # or pytest warns that what is loaded is not rewritten

    def run(*options, **tests):
        pytester.makepyfile(test_ports=module(**tests))
        return pytester.runpytest_inprocess(*FAST, *(options or ("--jaxport-quick",)))

    return run


def errors(result):
    """What pytest shows of the exception."""
    return [line[2:].strip() for line in result.stdout.lines if line.startswith("E ")]


def test_a_failure_is_short_and_says_what_and_why(suite):
    """The test's own lines, then the sentence, the numbers, the cause and both places; no frame of this package."""
    result = suite(port=WRONG)
    result.assert_outcomes(failed=1)
    sentence, numbers, why, at = errors(result)
    assert sentence.startswith(f"AssertionError: {SENTENCE}")
    assert re.match(r"mismatch: output on batch: relative difference \S+ at .* where rounding explains", numbers)
    assert why == "why: `1`: epsilon is 1e-06 in the port, 1e-05 in the reference"
    lines = PORTS.splitlines()
    port, reference = (
        1 + next(n for n, line in enumerate(lines) if part in line) for part in (".LayerNorm", "super().f")
    )
    assert at == f"at: port test_ports.py:{port}, reference test_ports.py:{reference}"
    failure = result.stdout.str().split("= FAILURES =")[1].split("= jaxport:")[0]
    assert len(failure.splitlines()) < 15, failure
    assert "compare/" not in failure
    assert "pytest_jaxport.py" not in failure
    result.stdout.fnmatch_lines([f"FAILED test_ports.py::test_port - AssertionError: {SENTENCE}*"])


def test_every_pair_of_a_file_is_verified(suite, pytester):
    """And the summary has each, by test, with its verdict; the failure those that fail."""
    pairs = "\n\nfrom compare import Pair\n\na = Pair(Reference(), Port(), X)\nb = Pair(Reference(), Port(1e-6), X)\n"
    pytester.makepyfile(norm_pairs=PORTS + pairs)
    result = suite(file="assert_port.file('norm_pairs.py', device='cpu')")
    result.assert_outcomes(failed=1)
    assert len(errors(result)) == 4
    result.stdout.fnmatch_lines(
        [
            "*= jaxport: 2 pairs, quick =*",
            "match     test_ports.py::test_file, a",
            f"mismatch  test_ports.py::test_file, b: {SENTENCE}*",
        ]
    )


def test_float32_only_warns_at_the_tests_own_line_and_fails_when_strict(suite):
    """As ``compare.assert_port`` does."""
    result = suite(
        "-W", "always::UserWarning", "--jaxport-quick", warns=SINGLE, strict=SINGLE.replace("X,", "X, strict=True,")
    )
    result.assert_outcomes(passed=1, failed=1, warnings=1)
    line = 1 + module(warns=SINGLE).splitlines().index(f"    {SINGLE}")
    result.stdout.fnmatch_lines(
        [
            f"*test_ports.py:{line}: UserWarning: float32_only: output on batch: no_oracle*",
            "float32_only  test_ports.py::test_strict: float32_only: output on batch: no_oracle*",
            "float32_only  test_ports.py::test_warns",
        ]
    )


def test_strict_is_a_flag(suite):
    """As for ``compare.assert_port``: any text, "no" too, would be true."""
    result = suite(flag=SOUND.replace("X,", "X, strict='no',"))
    result.assert_outcomes(failed=1)
    assert "strict: expected True or False, got 'no'" in result.stdout.str()


def test_what_cannot_start_is_one_line(suite, pytester, monkeypatch):
    """The user's mistake, at the test's own line, not a traceback through this package, unless that is asked for. What
    is said of a file is what the command says. The summary counts these pairs too."""
    pytester.makepyfile(norm_pairs="")
    tests = {
        "file": "assert_port.file('norm_pair.py')",
        "batch": "assert_port(Reference(), Port())",
        "call": "import compare; compare.assert_port(Reference(), Port())",
        "rows": "assert_port(torch.nn.Linear(9, 4), linen.Dense(4), np.ones((3, 8), np.float32), device='cpu')",
    }
    result = suite(**tests)
    result.assert_outcomes(failed=4)
    no_file, no_batch, no_call, no_rows = errors(result)
    nowhere = "norm_pair.py: there is no such file: did you mean norm_pairs.py?"
    nothing = "verify: expected a reference, a port and a batch"
    assert no_file == f"compare.errors.UsageError: {nowhere}"
    assert no_batch == no_call == f"compare.errors.UsageError: {nothing}"
    assert no_rows.startswith("compare.errors.UsageError: ")
    failures = result.stdout.str().split("= FAILURES =")[1].split("= jaxport:")[0]
    assert not re.search(r"contextlib\.py|pytest_jaxport\.py|compare/|pair_file\.py", failures)
    assert len(failures.splitlines()) < 10 * len(tests), failures
    lines = module(**tests).splitlines()
    for call in tests.values():
        assert f"test_ports.py:{1 + lines.index(f'    {call}')}: UsageError" in failures
    result.stdout.fnmatch_lines(
        [
            "*= jaxport: 3 pairs, quick =*",
            f"could not start  test_ports.py::test_batch: {nothing}",
            f"could not start  test_ports.py::test_file: {nowhere}",
            "could not start  test_ports.py::test_rows: *",
        ]
    )
    monkeypatch.setenv("JAXPORT_TRACEBACK", "1")
    assert "compare/" in suite(**tests).stdout.str()


def test_quick_is_a_default_that_a_test_may_override(suite):
    """Without the option a pair runs on its probes too."""
    asked = f"report = {SOUND}; print({{one.probe for one in report.result.quantities}} == {{'batch'}})"
    for options, shown in ((("-s", "--jaxport-quick"), "True"), (("-s",), "False")):
        result = suite(*options, port=asked)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines([f"*{shown}*", f"*jaxport: 1 pair{', quick' if shown == 'True' else ''} =*"])
    suite("-s", "--jaxport-quick", port=asked.replace("X,", "X, quick=False,")).stdout.fnmatch_lines(["*False*"])


def test_a_page_for_each_failing_pair(suite, pytester):
    """Self-contained, named by the test and by no other; gone when the pair passes; the path is said."""
    options = ("--jaxport-quick", "--jaxport-report", "made/pages", "--junitxml", "junit.xml")
    twice = f"[None for one in range(2) if not pytest.raises(AssertionError, lambda: {WRONG})]"
    tests = {"sound": SOUND, "wrong": WRONG, "twice": f"import pytest; {twice}"}
    result = suite(*options, **tests)
    pages = sorted((pytester.path / "made" / "pages").iterdir())
    stems = ["test_ports.py-test_twice", "test_ports.py-test_twice", "test_ports.py-test_wrong"]
    assert [re.sub(r"-\w{8}\.html$", "", page.name) for page in pages] == stems
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert "epsilon is 1e-06 in the port" in " ".join(text.split())
        assert not re.search(r"(src|href)=[\"']?http", text)
    assert errors(result)[-1] == f"page: {pages[2]}"
    result.stdout.fnmatch_lines(["mismatch  test_ports.py::test_wrong*", f"          {pages[2]}"])
    assert '<property name="jaxport" value="{&quot;pair&quot;: &quot;test_wrong&quot;' in Path("junit.xml").read_text()
    suite(*options, **tests | {"wrong": SOUND})
    assert sorted((pytester.path / "made" / "pages").iterdir()) == pages[:2]


TWICE = """
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_test_that_is_run_again_has_its_last_rows(suite, pytester):
    """As a plugin does that repeats what is flaky: no pair is counted twice."""
    pytester.makeconftest(TWICE)
    suite(sound=SOUND).stdout.fnmatch_lines(["*= jaxport: 1 pair, quick =*", "match  test_ports.py::test_sound"])


def test_a_report_folder_that_is_a_file_is_refused(suite, pytester):
    """In one line, before any test runs."""
    pytester.makefile(".txt", taken="")
    result = suite("--jaxport-report", "taken.txt", port=SOUND)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --jaxport-report: expected a folder, taken.txt is a file"])


# What follows runs in processes of its own, with the entry point as the project declares it.


@pytest.fixture
def installed(tmp_path):
    """Run pytest where jaxport is installed, in a folder of a user's that has modules of our packages' names."""
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    place = tmp_path / "installed" / "jaxport-0.0.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: jaxport\nVersion: 0.0\n")
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (place / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    folder = tmp_path / "users"
    folder.mkdir()
    for name in ("compare", "torchref", "jaxport"):
        (folder / f"{name}.py").write_text("MINE = 'the one of the user'\n")

    def run(source, *options):
        (folder / "test_ports.py").write_text(source)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        paths = {"PYTHONPATH": os.pathsep.join([str(place.parent), str(ROOT)]), "COLUMNS": "300"}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(
            command, cwd=folder, env=kept | quick_environment() | paths, capture_output=True, text=True, check=False
        )

    return run


OWN = """

@pytest.mark.parametrize("turn", range(4))
def test_the_users_own_modules_are_still_theirs(turn):
    import compare, jaxport, torchref
    assert {one.MINE for one in (compare, jaxport, torchref)} == {"the one of the user"}
    assert compare is loaded_before
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "load")], ids=["one", "workers"])
def test_beside_a_users_own_compare(installed, workers, tmp_path):
    """Their modules are theirs in their tests, before and after ours had the names; workers' rows and pages arrive."""
    if workers:
        pytest.importorskip("xdist")
    source = module(a=SOUND, b=WRONG) + OWN + module(c=WRONG, d=SOUND).removeprefix(PORTS)
    source = f"import compare as loaded_before\nimport pytest\n{source}"
    ran = installed(source, "-q", "--jaxport-quick", "--jaxport-report", "pages", *workers)
    assert ran.stdout.splitlines()[-1].startswith("2 failed, 6 passed"), ran.stdout + ran.stderr
    assert "jaxport: 4 pairs, quick" in ran.stdout
    rows = re.findall(r"^(\w*match) +test_ports\.py::test_(\w)", ran.stdout, re.MULTILINE)
    assert rows == [("match", "a"), ("mismatch", "b"), ("mismatch", "c"), ("match", "d")]
    assert len(list((tmp_path / "users" / "pages").iterdir())) == 2


def test_a_stub_in_the_place_of_a_module_is_a_strangers(monkeypatch):
    """As a user's tests put one into ``sys.modules``: it has no file."""
    stub = ModuleType("torchref")
    monkeypatch.setitem(sys.modules, "torchref", stub)
    with own_packages():
        assert sys.modules["torchref"].__file__ == str(ROOT / "torchref" / "__init__.py")
    assert sys.modules["torchref"] is stub


def test_a_session_that_does_not_ask_pays_nothing(installed):
    """Neither framework, nor a module of this package, nor a line of output."""
    heavy = ["torch", "jax", "flax", "numpy", "rich", "jaxport_command", "torchref"]
    source = (
        f"import sys\n\ndef test_nothing_is_there():\n    assert not set({heavy}) & set(sys.modules)\n"
        "    assert 'pytest_jaxport' in sys.modules\n    import compare\n    assert compare.MINE\n"
    )
    ran = installed(source, "-q", "-p", "no:hypothesispytest", "-p", "no:jaxtyping")
    assert ran.returncode == 0, ran.stdout
    assert "jaxport" not in ran.stdout


@pytest.mark.parametrize("without", ["jaxport", "xdist", "terminal", "junitxml"])
def test_with_a_plugin_left_out(installed, without):
    """``-p no:jaxport`` leaves ours out; it needs none of the others."""
    source = "def test_plain():\n    pass\n\n\ndef test_asks(assert_port):\n    assert assert_port\n"
    ran = installed(source, "-p", f"no:{without}")
    assert (ran.returncode, ran.stderr) == (1 if without == "jaxport" else 0, "")
    if without == "jaxport":
        assert "fixture 'assert_port' not found" in ran.stdout
        assert "1 passed, 1 error" in ran.stdout


PAGE = (ROOT / "docs" / "tests-and-ci.md").read_text()


def block(name):
    """The lines of one of the page's blocks."""
    return re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()


def without_numbers(line):
    """Rounding errors are another processor's to choose."""
    return re.sub(r"\d(\.\d)?e[+-]\d+|at \[[\d, ]+\]|\d+ more", "N", line.rstrip())


def test_the_page_shows_what_its_command_prints(suite, pytester):
    """The example, run as the page says: its failure, its summary, one page in the folder."""
    shutil.copytree(ROOT / "examples" / "suite", pytester.path / "examples" / "suite")
    (command,) = re.findall(r"^    python -m pytest (.*)$", PAGE, re.MULTILINE)
    result = pytester.runpytest_inprocess(*FAST, *command.split())
    result.assert_outcomes(passed=2, failed=1)
    printed = [without_numbers(line) for line in result.stdout.lines]
    shown = [without_numbers(line) for line in (*block("failure"), *block("summary"))]
    assert len(shown) == 7
    assert [line for line in shown if line not in printed] == []
    assert len(list((pytester.path / "report").iterdir())) == 1


def test_the_page_shows_the_examples(suite, pytester):
    """The tests and the workflow, word for word; every option and input in its tables."""
    test = (ROOT / "examples" / "suite" / "test_mixer.py").read_text()
    workflow = (ROOT / "examples" / "suite" / "workflow.yml").read_text()
    assert "\n".join(block("test-mixer")) in test
    assert "\n".join(block("workflow")) in workflow
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    tables = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    assert {*re.findall(r"`([a-z][\w-]+)`", tables)} == set(action["inputs"])
    assert {*re.findall(r"`(--[\w-]+)", tables)} == {"--jaxport-quick", "--jaxport-report"}
