"""A pair made ready to run: its models as functions of named arrays, and the weight map and layouts between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.batch import Batch
from compare.errors import UsageError
from compare.pair import Entering, Pair, moved
from compare.weights import PARAMS, Arrays, Sum, WeightMap

if TYPE_CHECKING:
    from compare.models.ports import PortModel
    from compare.models.references import ReferenceModel

Permutation = tuple[int, ...]


@dataclass(frozen=True)
class Prepared:
    """A pair whose two models have been brought together.

    Attributes:
        shapes: of the reference's mapped arrays, parameters and buffers, by name.
        leaves: shapes of the port's mapped leaves by path.
        own: the reference's own values of all of them.
        input_axes: how the port wants inputs permuted, by input name; only those that it does.
        output_axes: how an output of the port is brought into the reference's layout, by output name.
        buffers: the reference's buffers that the port keeps too.
        constants: those without a counterpart: a training step must leave them as they are, or the pair is incomplete.
        notes: what is worth saying about the map.
        modes: the modes that are compared: training and evaluation, or only the models as they are.
    """

    pair: Pair
    reference: "ReferenceModel | RecordedReference"
    port: "PortModel"
    weight_map: WeightMap
    shapes: dict[str, tuple[int, ...]]
    leaves: dict[str, tuple[int, ...]]
    own: Arrays
    input_axes: Mapping[str, Permutation] = field(default_factory=dict)
    output_axes: Mapping[str, Permutation] = field(default_factory=dict)
    buffers: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def summed(self) -> tuple[Sum, ...]:
        return self.weight_map.summed

    @property
    def modes(self) -> tuple[bool | None, ...]:
        return (True, False) if self.reference.has_mode or self.port.has_mode else (None,)

    def __post_init__(self) -> None:
        self.port.fix([path for path in self.port.leaves if path not in self.leaves])

    def widened(self) -> "Prepared":
        """The same with the port's explicit dtypes at float64."""
        return replace(self, port=self.port.widened())

    def enter(self, seed: int, steps: int) -> Entering:
        """What enters both sides: weights and ``steps`` batches, all from one seeded NumPy generator."""
        rng = np.random.default_rng(seed)
        if self.pair.weights:
            arrays = {name: np.asarray(array) for name, array in self.pair.weights(rng).items()}
            self._check(arrays)
        else:
            arrays = {name: moved(self.own[name], rng) for name in self.shapes}
        batches = tuple(self.pair.draw(rng) for _ in range(steps))
        training = self.pair.training()
        return Entering(
            weights={name: array for name, array in arrays.items() if name not in self.buffers},
            buffers={name: array for name, array in arrays.items() if name in self.buffers},
            batches=batches,
            cotangent=1.0,
            hyper=dict(training.hyper) if training else {},
            seed=seed,
        )

    def _check(self, arrays: Arrays) -> None:
        for name in {**arrays, **self.shapes}:
            given = arrays[name].shape if name in arrays else "nothing"
            if given != self.shapes.get(name):
                raise UsageError(
                    f"pair {self.pair.name}: weights= gives {given} for {name}, the reference has "
                    f"{self.shapes.get(name, 'no such array')}"
                )


def prepare(pair: Pair, seed: int = 0) -> Prepared:
    """Bring both models of ``pair`` together: find the weight map, or hold the given one against them.

    Raises:
        UsageError: a model is not what it should be, the map does not fit, or is ambiguous.
    """
    rng = np.random.default_rng(seed)
    given = pair.weights(rng) if pair.weights else None
    batch = pair.draw(rng)
    shapes = None if given is None else {name: tuple(array.shape) for name, array in given.items()}
    from compare.models.references import ReferenceModel

    reference = ReferenceModel(pair.reference, shapes)
    if pair.weight_map is None:
        return _found(pair, reference, batch)
    args, kwargs = called(pair.port_inputs, *batch.call(batch.inputs))
    own = reference.state() if given is None or pair.reference is reference.module else dict(given)
    port = _port(pair, reference, args, kwargs)
    mapped = pair.weight_map.references
    every = reference.parameters | reference.buffers
    names = {name: shape for name, shape in every.items() if name in mapped or name in reference.parameters}
    leaves = {path: tuple(leaf.shape) for path, leaf in port.leaves.items()}
    mapped_leaves = {p: s for p, s in leaves.items() if p in pair.weight_map.ports or p.startswith(f"{PARAMS}/")}
    pair.weight_map.check(names, mapped_leaves)
    return Prepared(
        pair=pair,
        reference=reference,
        port=port,
        weight_map=pair.weight_map,
        shapes=names,
        leaves=mapped_leaves,
        own=own,
        buffers=tuple(name for name in names if name in reference.buffers),
        constants=(*(name for name in reference.buffers if name not in names), *reference.counters),
    )


def _port(pair: Pair, reference: "ReferenceModel", args: tuple, kwargs: dict) -> "PortModel":
    from compare.models.ports import port_model

    like = {name: np.broadcast_to(np.float32(0), shape) for name, shape in reference.parameters.items()}
    try:
        return port_model(pair.port, args, kwargs, like)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"pair {pair.name}: the port raised {type(error).__name__}: {_line(error)}") from error


def _found(pair: Pair, reference: "ReferenceModel", batch: Batch) -> Prepared:
    from compare.mapping.find import find

    inside, port_inside = (
        called(adapt, *batch.call(batch.inputs)) for adapt in (pair.reference_inputs, pair.port_inputs)
    )
    port = pair.port
    if callable(port) and not hasattr(port, "apply") and not hasattr(port, "__nnx_repr__"):
        like = {name: np.zeros(shape, np.float32) for name, shape in reference.parameters.items()}
        port = (port, like)
    found = find(reference.module, *inside, port, *port_inside, rules=pair.rules, permute=pair.port_inputs is None)
    return _prepared(pair, reference, found, batch, reference.state())


def _prepared(pair: Pair, reference: Any, found: Any, batch: Batch, own: Arrays) -> Prepared:
    """A pair with the map that was found."""
    import jax

    mapped = found.weight_map.references
    every = reference.parameters | reference.buffers
    shapes = {name: every[name] for name in mapped}
    by_leaf = jax.tree.leaves(batch.call({name: _Named(name) for name in batch.inputs}))
    names = [leaf.name if isinstance(leaf, _Named) else None for leaf in by_leaf]
    axes = {
        name: tuple(permutation)
        for name, permutation in zip(names, found.inputs, strict=False)
        if name and permutation and pair.port_inputs is None
    }
    return Prepared(
        pair=pair,
        reference=reference,
        port=found.model,
        weight_map=found.weight_map,
        shapes=shapes,
        leaves={path: tuple(found.model.leaves[path].shape) for path in found.weight_map.ports},
        own=own,
        input_axes=axes,
        output_axes=dict(found.outputs),
        buffers=tuple(name for name in shapes if name in reference.buffers),
        constants=tuple(found.constants),
        notes=tuple(found.notes),
    )


class _Named:
    """Stands for an input, to see where it ends up among the leaves of a call."""

    def __init__(self, name: str) -> None:
        self.name = name


def called(adapt: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """What a side's model is called with: the batch's arguments, through the pair's adapter if there is one."""
    if adapt is None:
        return args, kwargs
    made = adapt(*args, **kwargs)
    if isinstance(made, dict):
        return (), made
    return (made if isinstance(made, tuple) else (made,)), {}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def prepare_recorded(pair: Pair, record: Any) -> Prepared:
    """Bring the port of ``pair`` together with a reference that is on record; needs no torch.

    Raises:
        UsageError: the pair and the record do not belong together, or the weight map cannot be found.
    """
    from compare.mapping.find import find
    from compare.mapping.program import Program

    facts = record.facts
    if pair.port is None:
        raise UsageError(f"pair {pair.name}: there is no port to hold against the record")
    if facts["has_loss"] != (pair.loss is not None):
        raise UsageError(f"pair {pair.name}: the record was made {'with' if facts['has_loss'] else 'without'} a loss")
    reference = RecordedReference(facts)
    batch = record.entering(()).batches[0]
    args, kwargs = called(pair.port_inputs, *batch.call(batch.inputs))
    port = pair.port
    if callable(port) and not hasattr(port, "apply") and not hasattr(port, "__nnx_repr__"):
        port = (port, {name: np.zeros(shape, np.float32) for name, shape in reference.parameters.items()})
    program = Program.from_form(facts["program"])
    found = find(program, (), {}, port, args, kwargs, rules=pair.rules, permute=pair.port_inputs is None)
    return _prepared(pair, reference, found, batch, {})


class RecordedReference:
    """What is known of a reference that is on record."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.parameters = {name: tuple(shape) for name, shape in facts["parameters"].items()}
        self.buffers = {name: tuple(shape) for name, shape in facts["buffers"].items()}
        self.counters, self.has_mode = list(facts["counters"]), bool(facts["has_mode"])
