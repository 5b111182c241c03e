"""Results that a command wrote as JSON, read again: by their kind, or refused in one line."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from compare.checkpoints.json_file import read_json
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
        form = read_json(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: expected what jaxport {by} writes ({why})") from error
    if where := unlike(form, KINDS[by]):
        other = next((f": jaxport {name} wrote it" for name, kind in KINDS.items() if not unlike(form, kind)), "")
        raise UsageError(f"{path}: expected what jaxport {by} of this version writes, but {where}{other}")
    return cast("Form", form)


def unlike(value: object, kind: Any, path: str = "the whole") -> str:
    """Where ``value`` is not as a type of the contract says, in words; empty where it is."""
    if is_typeddict(kind):
        if not isinstance(value, dict):
            return f"{path} is a JSON {type(value).__name__}"
        for key, inner in get_type_hints(kind).items():
            if key not in value and key in kind.__required_keys__:
                return f"{path} has no {key!r}"
            if key in value and (where := unlike(value[key], inner, f"{path}.{key}".removeprefix("the whole."))):
                return where
        return ""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (list, tuple, dict, Mapping):
        holds = dict if origin in (dict, Mapping) else list
        if not isinstance(value, holds):
            return f"{path} is a JSON {type(value).__name__}"
        items = value.values() if isinstance(value, dict) else value
        kinds = inner if origin is tuple else (inner[-1],) * len(items)
        parts = (unlike(one, of, f"{path}[]") for one, of in zip(items, kinds, strict=False))
        return next(filter(None, parts), "")
    if origin in (Union, UnionType):
        found = [unlike(value, one, path) for one in inner]
        return "" if "" in found else found[0]
    if origin is Literal:
        return "" if value in inner else f"{path} is {value!r}"
    allowed = (int, float) if kind is float else kind
    fits = kind is Any or (isinstance(value, allowed) and (kind is bool or not isinstance(value, bool)))
    finite = not isinstance(value, float) or isfinite(value)  # what is not stands in a result as a word
    return "" if fits and finite else f"{path} is {value!r:.40}"
