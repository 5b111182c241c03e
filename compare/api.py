"""Is my port the same function? One call, and one line for a test suite."""

import warnings
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

from compare.errors import UsageError
from compare.pair.pair import Pair

if TYPE_CHECKING:
    from pathlib import Path

    from compare.report.contract import VerifyForm
    from compare.verdict.verdict import Judgement
    from compare.verification.verification import PairReport


class Report:
    """What was found out about one pair: prints itself, in a notebook too.

    Attributes:
        verdict: ``match``, ``float32_only``, ``incomplete``, ``mismatch`` or ``invalid``.
        result: every number, as a ``compare.verification.verification.PairReport``; ``found`` is its former name.
        form: the same as nested dictionaries, what ``jaxport verify --json`` writes; ``compare.report.contract`` has
            its keys.
    """

    def __init__(self, result: "PairReport", form: "VerifyForm") -> None:
        self.result = self.found = result
        self.form = form

    @property
    def verdict(self) -> str:
        return str(self.result.verdict)

    def __bool__(self) -> bool:
        """Whether the port is the same function, to float32 at least."""
        return not self.result.failed()

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

    def to_json(self, path: "str | Path | None" = None) -> str:
        """The form as JSON; also written to ``path`` where one is given."""
        from pathlib import Path

        from compare.checkpoints.json_file import to_json, write_json

        if path is not None:
            write_json(Path(path), self.form)
        return to_json(self.form)


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
    from compare.verdict.precision import PRECISIONS
    from compare.verification.verification import Plan
    from compare.verification.verification import verify as run

    pair = _pair(reference, port, batch, loss, fields)
    if dtype not in PRECISIONS:
        raise UsageError(f"dtype: expected one of {', '.join(PRECISIONS)}, got {dtype!r}")
    if oracle_device not in ("same", "cpu"):
        raise UsageError(f"oracle_device: expected same or cpu, got {oracle_device!r}")
    devices.share_the_card()
    with devices.policy_restored():
        chosen = devices.choose(device)
        oracle = devices.choose("cpu") if oracle_device == "cpu" else chosen
        result = run(pair, chosen, PRECISIONS[dtype], Plan(seed, all_probes, quick, locate=locate), oracle)
        return Report(result, verify_form([result], fingerprint(chosen)))


def assert_port(*models: Any, strict: bool = False, **options: Any) -> Report:
    """``verify``, as one line of a test suite.

    ``float32_only`` warns; with ``strict`` it raises, and so do a precision flag and a check without teeth.

    Raises:
        AssertionError: the port is another function; the message names the first quantity that differs, and by how
            much.
    """
    report = verify(*models, **options)
    if report.result.failed(strict):
        raise AssertionError(_complaint(report))
    if report.verdict == "float32_only":
        warnings.warn(_complaint(report), stacklevel=2)
    return report


def _pair(
    reference: object,
    port: object,
    batch: object,
    loss: tuple[Callable[..., Any], Callable[..., Any]] | None,
    fields: dict[str, Any],
) -> Pair:
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
    explanation = report.result.explanation
    sentence = explanation.sentence if explanation else ""
    return f"{sentence}\n{_first(report)}" if sentence else _first(report)


def _first(report: Report) -> str:
    result = report.result
    as_bad = [quantity for quantity in result.quantities if quantity.verdict is result.verdict]
    if as_bad and result.verdict != "match":
        first, rest = as_bad[0], f"; {len(as_bad) - 1} more" if len(as_bad) > 1 else ""
        return f"{result.verdict}: {first.name} on {first.probe}: {_why(first.judgement)}{rest}"
    if left := (*result.coverage.not_compared, *result.coverage.drawn):
        rest = f" and {len(left) - 3} more" if len(left) > 3 else ""
        return f"{result.verdict}: not compared: {', '.join(left[:3])}{rest}"
    return f"{result.verdict}: {'; '.join(result.notices)}"


def _why(judgement: "Judgement") -> str:
    """The judge's reason, or by how much it differs, where, and what rounding explains."""
    scale = judgement.scale
    size = f"relative difference {judgement.gap / scale:.1e}" if scale else f"difference {judgement.gap:.1e}"
    where = f" at {list(judgement.worst.index)}" if judgement.worst else ""
    allowed = judgement.allowed / scale if scale else 0
    return judgement.reason or f"{size}{where}, where rounding explains {allowed:.1e}"
