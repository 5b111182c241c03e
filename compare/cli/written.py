"""Results that a command wrote as JSON, read again: by their kind, or refused in one line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare.checkpoints.json_file import strict_json
from compare.errors import UsageError
from compare.report.contract import VerifyForm
from compare.report.measured_contract import BenchForm, ContrastForm, SweepForm, TrainForm

if TYPE_CHECKING:
    from compare.report.contract import Form

# By what wrote it: the command and, for a sweep, the option.
KINDS: dict[str, Any] = {
    "verify --json": VerifyForm,
    "train --json": TrainForm,
    "contrast --json": ContrastForm,
    "bench --json": BenchForm,
    "bench --sweep": SweepForm,
}


def written(path: Path, by: str) -> "Form":
    """What ``jaxport BY`` wrote to ``path``.

    Raises:
        UsageError: the file cannot be read, is no JSON, or lacks what that command writes today.
    """
    try:
        form = strict_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"no JSON: {error}"
        raise UsageError(f"{path}: expected what jaxport {by} writes ({why})") from error
    if not isinstance(form, dict):
        raise UsageError(f"{path}: expected what jaxport {by} writes, got a JSON {type(form).__name__}")
    missing = sorted(KINDS[by].__required_keys__ - set(form))
    if missing:
        raise UsageError(f"{path}: expected what jaxport {by} of this version writes; it has no {missing[0]!r}")
    return form
