"""What each way of differentiating can do: every cell is the outcome of code that is run now, on both sides, and where
both have values the judge holds them against each other."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import jax
import numpy as np
import torch
import torch.utils.checkpoint

from compare.arrays.arrays import from_jax, from_torch
from compare.errors import swallowed
from compare.frameworks.blame import described
from compare.frameworks.devices import Device
from compare.measure.contrast.capability import Capability, Cell, NotHereError, Outcome
from compare.measure.contrast.fastest import fastest
from compare.measure.contrast.ways import jax_alone, jax_on_pair, torch_alone, torch_on_pair
from compare.measure.contrast.ways.code_of import code_of
from compare.measure.contrast.ways.given_jax import JaxGiven
from compare.measure.contrast.ways.given_torch import TorchGiven
from compare.measure.contrast.ways.ways_table import WAYS, Way
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared
from compare.sides.port_forward import PortForward
from compare.sides.reference_forward import ReferenceForward
from compare.verdict.precision import FLOAT32, FLOAT64, Precision
from compare.verdict.verdict import judge, worst

OTHERWISE = "_otherwise"
SHORT = 160  # letters of a message
CALLS = 3  # that are timed, after the first, of which the fastest counts


def capabilities(pair: Pair, device: Device, seed: int = 0, only: str | None = None) -> tuple[Capability, ...]:
    """Run every way, or one, on both sides at both precisions; a pair with two modes in evaluation, which draws
    nothing."""
    prepared = prepare(pair, seed)
    if prepared.modes != (None,):
        prepared = replace(prepared, pair=replace(prepared.pair, modes=("eval",)))
    table = _Table(prepared, device, seed)
    return tuple(table.row(way) for way in WAYS if only in (None, way.name))


class _Table:
    """Both sides at both precisions, made once; a reference that makes something float32 by itself, which its weights
    in float64 do not meet, at float32 alone: its values are judged by nothing."""

    def __init__(self, prepared: Prepared, device: Device, seed: int) -> None:
        self.prepared, entering = prepared, prepared.enter(seed, 1).at(FLOAT32)
        self.on_card = device.name == "gpu"
        self.sides: dict[Precision, PortForward] = {}
        self.ports: dict[Precision, JaxGiven] = {}
        self.references: dict[Precision, TorchGiven] = {}
        in_float64 = _runs(ReferenceForward(prepared, FLOAT64, device.torch), entering)
        self.precisions = (FLOAT32, FLOAT64) if in_float64 else (FLOAT32,)
        for precision in self.precisions:
            side = self.sides[precision] = PortForward(prepared, precision, device.jax)
            with side.x64():
                self.ports[precision] = JaxGiven(side, entering)
                first = _first_leaf(prepared, self.ports[precision].params)
            some = frozenset(entry.reference for entry in prepared.weight_map.entries if entry.port == first)
            self.references[precision] = TorchGiven(ReferenceForward(prepared, precision, device.torch), entering, some)

    def row(self, way: Way) -> Capability:
        """One way on both sides."""
        modules = (torch_on_pair, jax_on_pair) if way.on_pair else (torch_alone, jax_alone)
        torch_cell, torch_values = self._cell(way, modules[0], self._on_torch, self._of_torch)
        jax_cell, jax_values = self._cell(way, modules[1], self._on_jax, self._of_jax)
        verdict = ""
        if torch_values and jax_values and FLOAT64 in self.precisions:
            rows = zip(
                torch_values[FLOAT32], jax_values[FLOAT32], torch_values[FLOAT64], jax_values[FLOAT64], strict=True
            )
            verdict = worst([judge(*each, FLOAT32).verdict for each in rows]).value
        return Capability(way.name, way.title, way.on_pair, torch_cell, jax_cell, verdict)

    def _cell(
        self,
        way: Way,
        module: ModuleType,
        run: Callable[[Callable, Precision], tuple[Any, float]],
        arrays_of: Callable[[Way, Any, Precision], list[np.ndarray]],
    ) -> tuple[Cell, dict[Precision, list[np.ndarray]]]:
        """The plain way, and where it raises the other. What ``arrays_of`` raises is no outcome of either."""
        messages: list[str] = []
        for name in (way.name, way.name + OTHERWISE):
            function = getattr(module, name, None)
            if function is None:
                continue
            code = code_of(module, name)
            try:
                with warnings.catch_warnings():  # who makes errors of them decides nothing here
                    warnings.simplefilter("ignore")
                    made = {precision: run(function, precision) for precision in self.precisions}
            except NotHereError as error:
                return Cell("not run", str(error), code, 0.0), {}
            except Exception as error:  # the outcome of a cell
                swallowed(error)
                said = described(error)
                messages.append(said if len(said) <= SHORT else f"{said[:SHORT]} ...")
                continue
            outcome: Outcome = "works with other code" if messages else "works"
            values = {precision: arrays_of(way, result, precision) for precision, (result, _) in made.items()}
            return Cell(outcome, "".join(messages[:1]), code, made[FLOAT32][1]), values
        return Cell("raises", messages[0], code, 0.0), {}

    def _on_torch(self, function: Callable, precision: Precision) -> tuple[Any, float]:
        # A checkpoint stops its second run by an exception, which would be told as the pair's loss raising.
        whole = torch.utils.checkpoint.set_checkpoint_early_stop(False)
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), whole:
            step = function(self.references[precision])
            return step(), self._seconds(step)

    def _seconds(self, step: Callable[[], Any]) -> float:
        """Of processor time, of a step that has run; 0 where the work is a GPU's, of which it says nothing."""
        return 0.0 if self.on_card else fastest(step, CALLS)[1]

    def _of_torch(self, way: Way, result: Any, precision: Precision) -> list[np.ndarray]:
        """A parameter that nothing reaches has no gradient on a tape, and one of zeros in JAX."""
        if way.kind == "arrays":
            return [from_torch(one) for one in _leaves(result)]
        params = self.references[precision].params
        reached = {
            name: torch.zeros_like(one) if result[name] is None else result[name] for name, one in params.items()
        }
        return [from_torch(one) for one in reached.values()]

    def _on_jax(self, function: Callable, precision: Precision) -> tuple[Any, float]:
        with self.sides[precision].x64():
            step = function(self.ports[precision])
            return jax.block_until_ready(step()), self._seconds(lambda: jax.block_until_ready(step()))

    def _of_jax(self, way: Way, result: Any, precision: Precision) -> list[np.ndarray]:
        with self.sides[precision].x64():
            if way.kind == "arrays":
                return [from_jax(one) for one in jax.tree.leaves(result)]
            flat = {path: from_jax(one) for path, one in self.prepared.port.flat(result).items()}
        names, weight_map, shapes = self.references[precision].params, self.prepared.weight_map, self.prepared.shapes
        if way.kind == "parameters":
            named = weight_map.to_reference(flat, shapes)
            return [named[name] for name in names]
        count = len(next(iter(flat.values())))
        rows = [weight_map.to_reference({path: one[at] for path, one in flat.items()}, shapes) for at in range(count)]
        return [np.stack([row[name] for row in rows]) for name in names]


def _leaves(result: Any) -> Iterator[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        yield result
        return
    for one in result.values() if isinstance(result, dict) else result:
        yield from _leaves(one)


def _runs(side: ReferenceForward, entering: Entering) -> bool:
    """Whether the pair's loss runs there."""
    try:
        given = TorchGiven(side, entering, frozenset())
        given.loss(given.params, given.inputs, given.targets)
    except Exception as error:
        swallowed(error)
        return False
    return True


def _first_leaf(prepared: Prepared, params: Any) -> str:
    """The path of the first of the tree's leaves."""
    count = len(jax.tree.leaves(params))
    numbered = prepared.port.flat(jax.tree.unflatten(jax.tree.structure(params), list(range(count))))
    return next(path for path, number in numbered.items() if int(number) == 0)
