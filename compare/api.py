"""Is my port the same function? One call, and one line for a test suite."""

import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from compare.errors import TRACEBACK, UsageError, shown
from compare.frameworks import devices
from compare.pair.given_pair import given_pair
from compare.sides.plan import check_flag

if TYPE_CHECKING:
    from pathlib import Path

    from jax.sharding import Mesh

    from compare.frameworks.meshes.given_mesh import GivenMesh
    from compare.report.contract import CauseForm, VerifyForm, WeightsForm
    from compare.report.quantity_rows import QuantityRow
    from compare.sides.progress import Progress
    from compare.verification.verification import PairReport


class Report:
    """What was found out about one pair: prints itself, in a notebook too.

    Attributes:
        verdict: ``match``, ``float32_only``, ``incomplete``, ``mismatch`` or ``invalid``.
        answer: one sentence: where the port differs and why, or that it is the same function.
        causes: what was found responsible, each with its place (``where``), ``text``, evidence, and whether it is
            ``certain``: proven on two draws, forward and backward; else it is only seen.
        quantities: every quantity on every probe as a flat row, which ``pandas.DataFrame`` takes as they are.
        weights: of a port that came with weights of its own, what each of its arrays is beside the reference's; else
            None.
        result, found: every number, as a ``compare.verification.verification.PairReport``; ``found`` is its former
            name.
        form: the same as nested dictionaries, what ``jaxport verify --json`` writes: ``schema/verify.schema.json`` has
            its keys.
    """

    def __init__(self, result: "PairReport", form: "VerifyForm") -> None:
        self.result = self.found = result
        self.form = form

    @property
    def verdict(self) -> str:
        return str(self.result.verdict)

    @property
    def answer(self) -> str:
        from compare.report.answer import answer

        return answer(self.form["pairs"][0])

    @property
    def causes(self) -> "list[CauseForm]":
        return self.form["pairs"][0]["causes"]

    @property
    def quantities(self) -> "list[QuantityRow]":
        from compare.report.quantity_rows import quantity_rows

        return quantity_rows(self.form["pairs"][0])

    @property
    def weights(self) -> "WeightsForm | None":
        return self.form["pairs"][0].get("weights")

    def __bool__(self) -> bool:
        """Whether the port is the same function, to float32 at least, and weights that were asked for are right."""
        return not self.result.failed()

    def __str__(self) -> str:
        from compare.report.captured import captured_text

        return captured_text(self.form)

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        """The text under a format specification of strings, as in ``f"{report:>10}"``."""
        return format(str(self), spec)

    def _repr_html_(self) -> str:
        from compare.report.captured import html_block

        return html_block(self.form)

    def to_html(self, path: "str | Path") -> None:
        """Write a page that needs no other file to ``path``, whole or not at all.

        A pipe is written into, never replaced by a file; ``-`` is standard output.

        Raises:
            UsageError: it cannot be written there.
        """
        from compare.report.captured import html_page

        _write("to_html", path, html_page(self.form))

    def to_json(self, path: "str | Path | None" = None) -> str:
        """The form as JSON; also written to ``path`` where one is given, ``-`` being standard output.

        Raises:
            UsageError: it cannot be written there.
        """
        from compare.checkpoints.json_file import to_json

        text = to_json(self.form)
        if path is not None:
            _write("to_json", path, text)
        return text


def verify(
    reference: object,
    port: object = None,
    batch: object = None,
    loss: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    *,
    device: str = "auto",
    dtype: str = "float32",
    seed: int = 0,
    quick: bool = False,
    all_probes: bool = False,
    oracle_device: str = "same",
    locate: bool = True,
    progress: "bool | Progress" = True,
    weights: bool | str | Callable[..., Any] = False,
    by_module: bool = False,
    mesh: "str | Mapping[str, int] | Mesh | None" = None,
    **fields: Any,
) -> Report:
    """Hold a port against its reference: outputs, every gradient, running statistics, and training steps.

    Neither model is changed. The weights are the reference's, carried to the port by a weight map that is found from
    both models' layers, names, shapes and order of use.

    Args:
        reference: an ``nn.Module``, or a whole ``Pair`` (then nothing else describes the models).
        port: a Flax module, alone or with its variables; an Equinox module, alone or as (function, module); or
            (function, parameters), the function one of (parameters, *inputs).
        batch: an array, a tuple of positional inputs, a dictionary of keyword inputs, or a ``Batch`` with targets for
            the loss; of NumPy, or copied from torch tensors or JAX arrays.
        loss: (torch function, JAX function), each a scalar from (outputs, *targets); without it gradients are taken
            against a random cotangent of every output.
        device: ``auto`` (a GPU where both frameworks see one), ``cpu`` or ``gpu``.
        dtype: the working precision, ``float32``, ``bfloat16`` or ``float16``.
        seed: of everything that is drawn, a whole number from 0.
        quick: the pair's own batch alone: no probes, no mutants.
        all_probes: other numbers of rows too, each of which compiles anew.
        oracle_device: where float64 runs, ``same`` or ``cpu``.
        locate: where the port differs, find out where and why.
        progress: say what it is at, in one line on standard error; or a function of each stage's text.
        weights: whether the weights that the port comes with have to be the reference's: then ``report.weights`` counts
            in ``bool(report)``. ``"reference"``: the reference's have to be the port's, of a PyTorch port of a JAX
            original. A function is the pair's field of that name.
        by_module: in bounded memory: one piece of the port at a time, the rest on disk (``docs/by-module.md``); on the
            CPU alone.
        mesh: run the port on several devices, as it is annotated or as ``sharding=`` says (``docs/mesh.md``):
            ``"data=2,model=2"``, the same as a dictionary, or a ``jax.sharding.Mesh``. Of a CPU the devices are made,
            where nothing has started JAX yet.
        fields: any further field of ``compare.pair.pair.Pair``: ``optimizers``, ``rules``, ``accept``, ``bounds``, ...

    Raises:
        UsageError: the comparison could not start; the message is one line that says what to do.
    """
    from compare.arrays.aside import Aside
    from compare.checkpoints.judged import asked_of
    from compare.frameworks.blame import program_goes_on
    from compare.frameworks.environment import fingerprint
    from compare.frameworks.meshes.mesh_devices import off_meshes
    from compare.report.form import verify_form
    from compare.verdict.precision import PRECISIONS
    from compare.verification.verification import Plan
    from compare.verification.verification import verify as run

    if callable(weights):
        fields, weights = fields | {"weights": weights}, False
    asked = asked_of(weights)
    pair = given_pair("verify", reference, port, batch, fields if loss is None else {"loss": loss, **fields})
    if not isinstance(dtype, str) or dtype not in PRECISIONS:
        raise UsageError(f"dtype: expected one of {', '.join(PRECISIONS)}, got {dtype!r}")
    if oracle_device not in ("same", "cpu"):
        raise UsageError(f"oracle_device: expected same or cpu, got {oracle_device!r}")
    check_flag("by_module", by_module)
    asked_mesh = _mesh_given(mesh)
    plan, aside = Plan(seed, all_probes, quick, locate=locate), Aside() if by_module else None
    devices.share_the_card()
    with devices.policy_restored(), off_meshes():
        chosen = devices.choose(asked_mesh.choose_platform(device) if asked_mesh else device)
        oracle = devices.choose("cpu") if oracle_device == "cpu" else chosen
        built = asked_mesh.on(chosen, oracle) if asked_mesh else None
        with program_goes_on(), _told(progress, pair.name) as say:
            result = run(pair, chosen, PRECISIONS[dtype], plan, oracle, say, weights=asked, mesh=built, aside=aside)
        return Report(result, verify_form([result], fingerprint(chosen)))


def assert_port(*models: Any, strict: bool = False, progress: "bool | Progress" = False, **options: Any) -> Report:
    """``verify``, as one line of a test suite.

    ``float32_only`` warns; with ``strict`` it raises, and so do a precision flag, a lower format inside on both sides
    and a check without teeth. Nothing is said on the way, unless ``progress`` asks for it.

    Args:
        models: what ``verify`` takes by place: a reference, a port, a batch and a loss, or a whole ``Pair``.
        strict: whether ``float32_only``, a precision flag, a lower format inside on both sides and a check without
            teeth raise as well.
        options: what ``verify`` takes by name.

    Raises:
        AssertionError: the port is another function; the message names the first quantity that differs, and by how
            much.
        UsageError: the comparison could not start; in pytest it stands at the caller's line.
    """
    __tracebackhide__ = True  # pytest shows the caller's line, not this one
    from compare.report.answer import complaint

    check_flag("strict", strict)
    try:
        report = verify(*models, progress=progress, **options)
    except UsageError as error:
        if os.environ.get(TRACEBACK):
            raise
        raise UsageError(str(error)) from None  # where in this package it arose helps no test
    if report.result.failed(strict):
        raise AssertionError(complaint(report.form["pairs"][0]))
    if report.verdict == "float32_only":
        warnings.warn(complaint(report.form["pairs"][0]), stacklevel=2)
    return report


def _mesh_given(mesh: object) -> "GivenMesh | None":
    if mesh is None:
        return None
    devices.share_the_card()  # which is read when jax is imported
    from compare.frameworks.meshes.given_mesh import given_mesh

    return given_mesh(mesh)


def _write(method: str, path: "str | Path", text: str) -> None:
    """``text`` to ``path``, whole or not at all; to standard output where the path is ``-``, as on the command line.

    Raises:
        UsageError: ``path`` is none, or it cannot be written there.
    """
    import sys
    from pathlib import Path

    from compare.checkpoints.atomic import write_text, writing_to

    if not isinstance(path, str | Path) or not str(path):
        raise UsageError(f"{method}: expected a path, got {shown(path)}")
    if str(path) == "-":
        with writing_to("standard output"):
            sys.stdout.write(text)
            sys.stdout.flush()
        return
    write_text(Path(path), text)


def _told(progress: "bool | Progress", pair: str) -> "AbstractContextManager[Progress]":
    from compare.report.progress_line import progress_line
    from compare.sides.progress import say_nothing

    if callable(progress):
        return nullcontext(progress)
    check_flag("progress", progress)
    return progress_line(f"verifying {pair}") if progress else nullcontext(say_nothing)
