"""Is my port the same function? One call, and one line for a test suite."""

import warnings
from io import StringIO
from typing import Any

from compare.errors import UsageError
from compare.pair.pair import Pair

Form = dict[str, Any]


class Report:
    """What was found out about one pair: prints itself, in a notebook too.

    Attributes:
        verdict: ``match``, ``float32_only``, ``incomplete``, ``mismatch`` or ``invalid``.
        found: every number, as a ``compare.verification.verification.PairReport``.
        form: the same as nested dictionaries, what ``jaxport verify --json`` writes.
    """

    def __init__(self, found: Any, form: Form) -> None:
        self.found, self.form = found, form

    @property
    def verdict(self) -> str:
        return str(self.found.verdict)

    def __bool__(self) -> bool:
        """Whether the port is the same function, to float32 at least."""
        return not self.found.failed()

    def __str__(self) -> str:
        from compare.report.terminal import console, show_verify

        out = console(StringIO())
        show_verify(self.form, out)
        assert isinstance(out.file, StringIO)
        return out.file.getvalue().rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from compare.report.terminal import html_of_verify

        return html_of_verify(self.form)

    def to_json(self, path: str | None = None) -> str:
        """The form as JSON; also written to ``path`` where one is given."""
        from pathlib import Path

        from compare.checkpoints.json_file import to_json, write_json

        if path is not None:
            write_json(Path(path), self.form)
        return to_json(self.form)


def verify(
    reference: Any,
    port: Any = None,
    batch: Any = None,
    loss: Any = None,
    *,
    device: str = "auto",
    dtype: str = "float32",
    seed: int = 0,
    quick: bool = False,
    all_probes: bool = False,
    oracle_device: str = "same",
    locate: bool = True,
    **fields: Any,
) -> Report:
    """Hold a port against its reference: outputs, every gradient, running statistics, and training steps.

    Neither model is changed. The weights are the reference's, carried to the port by a weight map that is found from
    both models' layers, names, shapes and order of use.

    Args:
        reference: an ``nn.Module``, or a whole ``Pair`` (then nothing else describes the models).
        port: a Flax module, alone or with its variables; an Equinox module, alone or as (function, module); or
            (function, parameters), the function one of (parameters, *inputs).
        batch: NumPy: an array, a tuple of positional inputs, a dictionary of keyword inputs, or a ``Batch`` with
            targets for the loss.
        loss: (torch function, JAX function), each a scalar from (outputs, *targets); without it gradients are taken
            against a random cotangent of every output.
        device: ``auto``, ``cpu`` or ``gpu``. dtype: the working precision, ``float32``, ``bfloat16`` or ``float16``.
        seed: of everything that is drawn. quick: the batch alone, no probes, no mutants. all_probes: other numbers of
            rows too. oracle_device: where float64 runs, ``same`` or ``cpu``. locate: where the port differs, find out
            where and why.
        fields: any further field of ``compare.pair.pair.Pair``: ``optimizers``, ``rules``, ``accept``, ``bounds``, ...

    Raises:
        UsageError: the comparison could not start; the message is one line that says what to do.
    """
    from compare.frameworks import devices
    from compare.frameworks.environment import fingerprint
    from compare.report.form import verify_form
    from compare.verdict.precision import WORKING
    from compare.verification.verification import Plan
    from compare.verification.verification import verify as run

    pair = _pair(reference, port, batch, loss, fields)
    if dtype not in WORKING:
        raise UsageError(f"dtype: expected one of {', '.join(WORKING)}, got {dtype!r}")
    if oracle_device not in ("same", "cpu"):
        raise UsageError(f"oracle_device: expected same or cpu, got {oracle_device!r}")
    devices.share_the_card()
    with devices.policy_restored():
        chosen = devices.choose(device)
        oracle = devices.choose("cpu") if oracle_device == "cpu" else chosen
        found = run(pair, chosen, WORKING[dtype], Plan(seed, all_probes, quick, locate=locate), oracle)
        return Report(found, verify_form([found], fingerprint(chosen)))


def assert_port(*models: Any, strict: bool = False, **options: Any) -> Report:
    """``verify``, as one line of a test suite.

    ``float32_only`` warns; with ``strict`` it raises, and so do a precision flag and a check without teeth.

    Raises:
        AssertionError: the port is another function; the message names the first quantity that differs, and by how
            much.
    """
    report = verify(*models, **options)
    if report.found.failed(strict):
        raise AssertionError(_complaint(report))
    if report.verdict == "float32_only":
        warnings.warn(_complaint(report), stacklevel=2)
    return report


def _pair(reference: Any, port: Any, batch: Any, loss: Any, fields: Form) -> Pair:
    if isinstance(reference, Pair):
        if port is not None or batch is not None or loss is not None or fields:
            raise UsageError("verify: a Pair holds everything: give it alone, or the models and the batch without it")
        return reference
    if port is None or batch is None:
        raise UsageError("verify: expected a reference, a port and a batch")
    try:
        return Pair(reference, port, batch, loss, **fields)
    except TypeError as error:
        raise UsageError(f"verify: {error}".replace("Pair.__init__() got an ", "")) from error


def _complaint(report: Report) -> str:
    """Where it differs first, and why, in one sentence; then the first quantity that is as bad as the pair, and by how
    much."""
    explanation = report.found.explanation
    sentence = explanation.sentence if explanation else ""
    return f"{sentence}\n{_first(report)}" if sentence else _first(report)


def _first(report: Report) -> str:
    found = report.found
    for quantity in found.quantities:
        if quantity.verdict is found.verdict and found.verdict != "match":
            one = quantity.judgement
            size = f"relative difference {one.gap / one.scale:.1e}" if one.scale else f"difference {one.gap:.1e}"
            where = f" at {list(one.worst.index)}" if one.worst else ""
            why = (
                one.reason
                or f"{size}{where}, where rounding explains {one.allowed / one.scale if one.scale else 0:.1e}"
            )
            count = sum(other.verdict is found.verdict for other in found.quantities)
            rest = f"; {count - 1} more" if count > 1 else ""
            return f"{found.verdict}: {quantity.name} on {quantity.probe}: {why}{rest}"
    if left := (*found.coverage.not_compared, *found.coverage.drawn):
        return f"{found.verdict}: not compared: {', '.join(left[:3])}" + (
            f" and {len(left) - 3} more" * (len(left) > 3)
        )
    return f"{found.verdict}: {'; '.join(found.notices)}"
