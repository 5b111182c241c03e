"""The pytest plugin: the fixture ``assert_port``, two options, and every pair's verdict at the end of the session.

It is loaded in every session of an environment that jaxport is installed in, so it imports nothing before a test asks
for it. A test suite may have modules called ``compare``, ``torchref`` or ``jaxport`` of its own: ours are found by
their place, beside this file, have these names while a pair is verified, and give them back.
"""

import hashlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from compare.api import Report

PACKAGES = ("compare", "torchref", "jaxport")
FOLDER = Path(__file__).resolve().parent
PROPERTY = "jaxport"  # of a test's report: it comes along from a worker of xdist, and stands in JUnit's XML
NOT_STARTED = "could not start"  # in the place of a verdict
COLOUR = {"match": "green", "float32_only": "yellow", "incomplete": "yellow"}  # red otherwise


class Row(NamedTuple):
    """One pair that a test verified.

    Attributes:
        pair: its name. verdict: the report's, or NOT_STARTED.
        answer: of one that fails, what differs first, in one line; of one that could not start, why.
        page: of one that fails, the path of its HTML page, where one was asked for.
    """

    pair: str
    verdict: str
    answer: str
    page: str


class Refusal:
    """The pair that is verified now, and why its comparison could not start, if it could not."""

    def __init__(self) -> None:
        self.pair = ""
        self.error: Exception | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("jaxport", "PyTorch models against their JAX ports")
    group.addoption(
        "--jaxport-quick", action="store_true", help="assert_port: a pair's own batch alone, no probes, no mutants"
    )
    group.addoption("--jaxport-report", metavar="DIR", help="assert_port: an HTML page in DIR for each pair that fails")


def pytest_configure(config: pytest.Config) -> None:
    if folder := config.getoption("jaxport_report"):
        path = config.invocation_params.dir / folder
        if path.exists() and not path.is_dir():
            raise pytest.UsageError(f"--jaxport-report: expected a folder, {folder} is a file")
        config.option.jaxport_report = str(path)  # absolute before xdist hands it to workers
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(quick=config.getoption("jaxport_quick")), "jaxport-summary")


class Summary:
    """All rows of a session, as the tests' reports bring them."""

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        self._rows: dict[str, list[Row]] = {}

    @property
    def rows(self) -> list[tuple[str, Row]]:
        """Of every test, in one order: workers bring them in any."""
        return sorted((test, row) for test, rows in self._rows.items() for row in rows)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":  # the last report of a test has what all its phases recorded
            rows = [json.loads(str(value)) for name, value in report.user_properties if name == PROPERTY]
            self._rows[report.nodeid] = [Row(**row) for row in rows]  # of a test that is run again, the last

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not (found := self.rows):
            return
        count = f"{len(found)} pair{'s' if len(found) > 1 else ''}"
        terminalreporter.section(f"jaxport: {count}{', quick' if self.quick else ''}")
        width = max(len(row.verdict) for _, row in found)
        for test, row in found:
            known = row.pair in test or row.answer.startswith(row.pair)  # the answer begins with a file's path
            name = "" if known else f", {row.pair}"
            answer = f": {row.answer}" if row.answer else ""
            terminalreporter.write(f"{row.verdict:{width}}", **{COLOUR.get(row.verdict, "red"): True})
            terminalreporter.write_line(f"  {test}{name}{answer}")
            if row.page:
                terminalreporter.write_line(f"{'':{width}}  {row.page}")


@pytest.fixture
def assert_port(request: pytest.FixtureRequest) -> "AssertPort":
    """Is a JAX port the same function as its PyTorch reference? assert_port(torch_module, flax_module, batch)"""
    return AssertPort(request)


class AssertPort:
    """``assert_port(reference, port, batch, ...)`` takes what ``compare.assert_port`` takes, and names the pair after
    the test; ``assert_port.file(path)`` verifies each pair that a file defines, as ``jaxport verify path`` does."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._node, self._config = request.node, request.config
        self._count = 0
        kept = [recorded for recorded in self._node.user_properties if recorded[0] != PROPERTY]
        self._node.user_properties[:] = kept  # where the test is run again, the first run's rows are there still

    def __call__(self, *models: Any, strict: bool = False, **options: Any) -> "Report":
        """Hold a port against its reference.

        Raises:
            AssertionError: it is another function: what differs first, by how much, why and where. ``strict``: also
                at ``float32_only``, which warns otherwise, at a precision flag and at a check without teeth.
            UsageError: the comparison could not start.
        """
        __tracebackhide__ = True
        with own_packages(), self._refusals() as refusals:
            from compare.pair.pair import Pair

            named = {} if models and isinstance(models[0], Pair) else {"name": self._node.name}
            refusals.pair = models[0].name if not named else str((named | options)["name"])
            report, failure = self._verified(models, strict, named | options)
        if refusals.error:  # raised here, where pytest sees no frame between the test's and this hidden one
            raise refusals.error
        if failure:
            raise AssertionError(failure)
        return report

    def file(self, path: str | os.PathLike[str], *, strict: bool = False, **options: Any) -> "list[Report]":
        """The same for each ``Pair`` that a Python file defines; ``path`` is relative to the working folder.

        Raises:
            AssertionError, UsageError: as above, and where the file is missing, raises, or defines no pair.
        """
        __tracebackhide__ = True
        with own_packages(), self._refusals() as refusals:
            from compare.cli.named import check_pair, is_file
            from compare.pair.pair_file import load

            verified = []
            refusals.pair = os.fspath(path)
            if is_file(refusals.pair):  # else it could be the name of one of the project's pairs
                check_pair(refusals.pair)
            for pair in load(Path(path)):
                refusals.pair = pair.name
                verified.append(self._verified((pair,), strict, options))
        if refusals.error:
            raise refusals.error
        if failures := [failure for _, failure in verified if failure]:
            raise AssertionError("\n\n".join(failures))
        return [report for report, _ in verified]

    @contextmanager
    def _refusals(self) -> "Iterator[Refusal]":
        """Inside, the error of a comparison that cannot start is kept, to be raised where the test called: where in
        this package it arose helps nobody. The summary lists the pair."""
        from compare.errors import TRACEBACK, UsageError

        refusal = Refusal()
        try:
            yield refusal
        except UsageError as error:
            text = " ".join(str(error).split())
            self._record(Row(refusal.pair, NOT_STARTED, text, ""))
            if os.environ.get(TRACEBACK):
                raise
            refusal.error = UsageError(text)

    def _record(self, row: Row) -> None:
        self._node.user_properties.append((PROPERTY, json.dumps(row._asdict())))

    def _verified(self, models: tuple[Any, ...], strict: bool, options: dict[str, Any]) -> "tuple[Report, str]":
        """The report on one pair, and the failure's text, which is empty where it passes."""
        from compare.api import verify
        from compare.report.answer import complaint
        from compare.report.failure import cause_lines
        from compare.sides.plan import check_flag

        check_flag("strict", strict)
        defaults = {"quick": self._config.getoption("jaxport_quick"), "progress": False}
        report = verify(*models, **defaults | options)
        failed = report.result.failed(strict)
        form = report.form["pairs"][0]
        text = complaint(form) if failed else ""
        page = self._page(report, failed)
        self._record(Row(form["pair"], report.verdict, text.split("\n")[0], page))
        if report.verdict == "float32_only" and not failed:
            warnings.warn(complaint(form), stacklevel=3)
        return report, "\n".join([text, *cause_lines(form), *([f"page: {page}"] if page else [])]) if failed else ""

    def _page(self, report: "Report", failed: bool) -> str:
        """The path of a failing pair's page; of one that passes, what an earlier session left is removed."""
        folder = self._config.getoption("jaxport_report")
        if not folder:
            return ""
        self._count += 1  # no two tests have one node id, on whichever worker they run
        readable = re.sub(r"[^\w.-]+", "-", self._node.nodeid)[-80:].strip("-")
        unique = hashlib.sha256(f"{self._node.nodeid} {self._count}".encode()).hexdigest()[:8]
        path = Path(folder) / f"{readable}-{unique}.html"
        if not failed:
            path.unlink(missing_ok=True)
            return ""
        path.parent.mkdir(parents=True, exist_ok=True)
        report.to_html(path)
        return str(path)


_waiting: dict[str, ModuleType] = {}  # our modules, while their names are a stranger's


@contextmanager
def own_packages() -> Iterator[None]:
    """Inside, ``compare``, ``torchref`` and ``jaxport`` are the packages beside this file. Afterwards each name is what
    it was, or what an import of it would find: a stranger's module of that name, if there is one."""
    __tracebackhide__ = True
    foreign = [name for name in PACKAGES if not _is_ours(name)]
    strangers = _taken(foreign)
    sys.modules.update({name: module for name, module in _waiting.items() if name.split(".")[0] in foreign})
    try:
        from jaxport_command import load_own_packages

        load_own_packages()
        yield
    finally:
        _waiting.update(_taken(foreign))
        sys.modules.update(strangers)


def _is_ours(name: str) -> bool:
    """Whether ``import name`` gives our package here."""
    module = sys.modules.get(name)
    spec = find_spec(name) if module is None else None
    ours = str(FOLDER / name / "__init__.py")
    file = getattr(module, "__file__", None) if module else spec.origin if spec else ours  # a stub has none
    return file is not None and str(Path(file).resolve()) == ours


def _taken(names: list[str]) -> dict[str, ModuleType]:
    """The modules of these top-level names, no longer in ``sys.modules``."""
    taken = {module: sys.modules[module] for module in list(sys.modules) if module.split(".")[0] in names}
    for module in taken:
        del sys.modules[module]
    return taken
