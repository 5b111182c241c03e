"""A table of the reference made once more, in float64: its module's constructor is called again.

With what it was called, nobody has written down. So it is called with what the module keeps under its parameters'
names, with their defaults, and with numbers that the table's shape suggests; and a call is believed only if in float32
it makes the very table that the module holds, bit by bit. No guess can do harm so.
"""

import contextlib
import inspect
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

import numpy as np
import torch
from torch import nn

from compare.errors import swallowed
from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.islands.constants import Constant, widen
from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.islands.seen import tensors_in, widen_tensor
from compare.frameworks.islands.watch import Watch
from compare.frameworks.torch_insides import Kernel

TRIES = 256  # calls of one constructor
OPTIONS, OPEN = 8, 5  # of one parameter; parameters that have several
LARGEST = 2**24  # numbers in the parameters of a module that is made again
BASES = (10000.0, 500000.0, 1000000.0)  # of rotary positions, as models have them
AMPLE = 16, 2**16  # numbers that a call may compute: times those that the module holds, and beside these
FIXED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
Call = Callable[[], nn.Module]


@dataclass(frozen=True)
class Making:
    """How a table of the reference is made.

    Attributes:
        exact: its values in float64.
        call: makes its module anew; name: the table's own in it.
    """

    exact: np.ndarray = field(repr=False)
    call: Call = field(repr=False)
    name: str

    def rounded(self, rng: np.random.Generator) -> np.ndarray:
        """Its values where every result on the way to them is rounded to float32 at random."""
        return _table(_made(self.call, True, rng), self.name)


def makings(root: nn.Module, tables: Sequence[Constant]) -> dict[str, Making]:
    """For tables of the user's module (``buffers.constants_torch``), by dotted name, how they are made, where that can
    be told and is more exact than they are."""
    found: dict[str, Making] = {}
    calls: dict[str, list[tuple[Call, nn.Module]]] = {}
    for table in tables:
        path, _, name = table.name.rpartition(".")
        owner = root.get_submodule(path)
        if sum(parameter.numel() for parameter in owner.parameters()) > LARGEST:
            continue
        if path not in calls:
            calls[path] = list(_reproducing(owner, root, table, name))
        for call, again in calls[path]:
            if not _holds(again, name, table.values):
                continue
            try:
                exact = _table(_made(call, True), name)
            except Exception as error:  # a constructor that takes no float64
                swallowed(error)
                continue
            if exact.shape == table.shape and not np.array_equal(exact, table.values):
                found[table.name] = Making(exact, call, name)
    return found


def _reproducing(owner: nn.Module, root: nn.Module, table: Constant, name: str) -> Iterator[tuple[Call, nn.Module]]:
    """The first call of the owner's constructor that makes this table, with the module that it made in float32."""
    for arguments in islice(_arguments(owner, root, table), TRIES):
        call = _call(type(owner), arguments, owner)
        try:
            again = _made(call, False)
        except Exception as error:  # it was called otherwise
            swallowed(error)
            continue
        if _holds(again, name, table.values):
            yield call, again
            return


class _Ample(DispatchMode):
    """Ends a call that makes far more than the module holds: with a table's length for a number of layers, say."""

    def __init__(self, owner: nn.Module) -> None:
        super().__init__()
        times, beside = AMPLE
        self._left = beside + times * sum(tensor.numel() for tensor in (*owner.parameters(), *owner.buffers()))

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        results = func(*args, **(kwargs or {}))
        self._left -= 0 if func.is_view else sum(tensor.numel() for tensor in tensors_in(results))
        if self._left < 0:
            raise MemoryError("more than the module holds")
        return results


def _call(kind: type[nn.Module], arguments: dict[str, object], owner: nn.Module) -> Call:
    def call() -> nn.Module:
        with _Ample(owner):
            return kind(**arguments)

    return call


def _made(call: Call, promoted: bool, rng: np.random.Generator | None = None) -> nn.Module:
    """What a constructor makes, the random states and standard output untouched."""
    state = np.random.get_state()
    before = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode(False):
        try:
            if promoted:
                with Watch(rng=rng), promoted_torch():
                    return call()
            torch.set_default_dtype(torch.float32)
            return call()
        finally:
            torch.set_default_dtype(before)
            np.random.set_state(state)


def _holds(module: nn.Module, name: str, values: np.ndarray) -> bool:
    tensor = getattr(module, name, None)
    if not isinstance(tensor, torch.Tensor) or tuple(tensor.shape) != values.shape:
        return False
    return np.array_equal(widen_tensor(tensor), values, equal_nan=True)


def _table(module: nn.Module, name: str) -> np.ndarray:
    return widen(widen_tensor(getattr(module, name)))


def _arguments(owner: nn.Module, root: nn.Module, table: Constant) -> Iterator[dict[str, object]]:
    """What the owner's constructor may have been called with, the likeliest first."""
    try:
        parameters = list(inspect.signature(type(owner).__init__).parameters.values())[1:]
    except (TypeError, ValueError) as error:
        swallowed(error)
        return
    named = [parameter for parameter in parameters if parameter.kind not in FIXED]
    choices = [_choices(parameter, owner, root, table)[:OPTIONS] for parameter in named]
    for place in [place for place, options in enumerate(choices) if len(options) > 1][OPEN:]:
        choices[place] = choices[place][:1]
    ranked = sorted(
        product(*(range(len(each)) for each in choices)), key=lambda places: (sum(map(bool, places)), sum(places))
    )
    for places in ranked if all(choices) else ():
        yield {parameter.name: options[place] for parameter, options, place in zip(named, choices, places, strict=True)}


def _choices(parameter: inspect.Parameter, owner: nn.Module, root: nn.Module, table: Constant) -> list[object]:
    """What one parameter may have been: what the module keeps under its name; its default; what suits its kind."""
    for module in (owner, root):
        kept = vars(module)
        for name in (parameter.name, f"_{parameter.name}"):
            if name in kept:
                return [kept[name]]
    default = parameter.default
    options = [] if default is parameter.empty else [default]
    if isinstance(default, str | bool | None) and default is not parameter.empty:
        return options
    if isinstance(default, float):
        return [*options, *(base for base in BASES if base != default)]
    lengths = dict.fromkeys(times * length for times in (1, 2) for length in table.shape)
    base = vars(nn.Module())
    kept = {name: value for name, value in vars(owner).items() if name not in base}
    others = (value for module in owner.modules() for name, value in vars(module).items() if name not in base)
    own = [value for value in (*kept.values(), *others) if isinstance(value, int) and not isinstance(value, bool)]
    if default is parameter.empty and not parameter.name.startswith(("base", "theta")):
        options += [value for value in kept.values() if _is_settings(value)]
    if parameter.name.startswith(("base", "theta")) or parameter.annotation is float:
        options += [base for base in BASES if base not in options]
    return [*options, *(number for number in (*lengths, *dict.fromkeys(own)) if number not in options)]


def _is_settings(value: object) -> bool:
    """Whether an attribute can be the object that a module took its settings from."""
    return hasattr(value, "__dict__") and not callable(value) and not isinstance(value, torch.Tensor)
