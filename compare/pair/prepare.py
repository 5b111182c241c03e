"""A pair made ready to run: its models as functions of named arrays, and the weight map and layouts between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.arrays.batch import Batch
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.models.choose import is_function_alone, port_model
from compare.pair.pair import Entering, Pair, UserFunction, moved
from compare.verdict.precision import FLOAT32
from compare.weights.weights import Sum, WeightMap, same

if TYPE_CHECKING:
    from compare.frameworks.models.ports import PortModel
    from compare.frameworks.models.references import Reference, ReferenceModel
    from compare.weights.mapping.find import FoundMap

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
    reference: "Reference"
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
        """Those that the pair names, or both; evaluation alone where that is all that either side is made for."""
        if not (self.reference.has_mode or self.port.has_mode):
            return (None,)
        if self.pair.modes:
            return tuple(mode == "train" for mode in self.pair.modes)
        return (False,) if self.evaluates_only else (True, False)

    @property
    def evaluates_only(self) -> bool:
        """The reference comes in evaluation mode, and the port knows no other."""
        return not self.pair.modes and self.reference.has_mode and not (self.reference.training or self.port.has_mode)

    @property
    def frozen_leaves(self) -> frozenset[str]:
        """The port's leaves of parameters that the reference freezes."""
        frozen = set(self.reference.frozen)
        return frozenset(entry.port for entry in self.weight_map.entries if entry.reference in frozen)

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
        still = {*self.buffers, *self.reference.frozen}
        return Entering(
            weights={name: array for name, array in arrays.items() if name not in still},
            buffers={name: array for name, array in arrays.items() if name in still},
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
    from compare.frameworks.models.references import ReferenceModel

    rng = np.random.default_rng(seed)
    given = pair.weights(rng) if pair.weights else None
    batch = pair.draw(rng).at(FLOAT32)  # both models are traced as they are run, at most in single precision
    if empty := [name for name, array in batch.inputs.items() if not array.size]:
        raise UsageError(f"pair {pair.name}: the batch's {empty[0]} is empty: there is nothing to compare")
    shapes = None if given is None else {name: tuple(array.shape) for name, array in given.items()}
    reference = ReferenceModel(pair.reference, shapes)
    if pair.weight_map is None and is_function_alone(pair.port):  # no other map than the one by name can be meant
        pair = replace(pair, weight_map=WeightMap(same(*reference.parameters)))
    if pair.weight_map is None:
        return _found(pair, reference, batch)
    args, kwargs = _adapted(pair.port_inputs, batch, _seen_by_jax)
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
    like = {name: np.broadcast_to(np.float32(0), shape) for name, shape in reference.parameters.items()}
    try:
        return port_model(pair.port, args, kwargs, like)
    except UsageError:
        raise
    except Exception as error:
        swallowed(error)
        raise UsageError(f"pair {pair.name}: the port raised {described(error)}") from error


def _found(pair: Pair, reference: "ReferenceModel", batch: Batch) -> Prepared:
    from compare.weights.mapping.find import find

    inside = _adapted(pair.reference_inputs, batch, _seen_by_torch)
    port_inside = _adapted(pair.port_inputs, batch, _seen_by_jax)
    found_map = find(
        reference.module, *inside, pair.port, *port_inside, rules=pair.rules, permute=pair.port_inputs is None
    )
    return _prepared(pair, reference, found_map, batch, reference.state())


def _seen_by_torch(arrays: Arrays) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(array) for name, array in arrays.items()}


def _seen_by_jax(arrays: Arrays) -> dict[str, Any]:
    import jax.numpy as jnp

    return {name: jnp.array(array) for name, array in arrays.items()}


def _as_numpy(item: Any) -> Any:
    """A nest of either framework's arrays in NumPy."""
    if isinstance(item, Mapping):
        return {key: _as_numpy(part) for key, part in item.items()}
    if isinstance(item, tuple | list):
        items = [_as_numpy(part) for part in item]
        return type(item)(*items) if hasattr(item, "_fields") else type(item)(items)
    return np.asarray(item) if hasattr(item, "dtype") and hasattr(item, "shape") else item


def _adapted(
    adapt: UserFunction | None, batch: Batch, seen: Callable[[Arrays], dict[str, Any]]
) -> tuple[tuple, dict[str, Any]]:
    """What a side's model is called with, in NumPy; the adapter itself gets the side's own arrays."""
    if adapt is None:
        return batch.call(batch.inputs)
    args, kwargs = called(adapt, *batch.call(seen(batch.inputs)))
    return _as_numpy(args), _as_numpy(kwargs)


def adapted_reference(pair: Pair, batch: Batch) -> tuple[tuple, dict[str, Any]]:
    """What the reference is called with, in NumPy."""
    return _adapted(pair.reference_inputs, batch, _seen_by_torch)


def _prepared(pair: Pair, reference: "Reference", found_map: "FoundMap", batch: Batch, own: Arrays) -> Prepared:
    """A pair with the map that was found_map."""
    import jax

    every = reference.parameters | reference.buffers
    # An integer counter that the port keeps too starts as the port starts it: it is no floating statistic to compare.
    counted = [entry for entry in found_map.weight_map.entries if entry.reference not in every]
    weight_map = WeightMap(entry for entry in found_map.weight_map.entries if entry.reference in every)
    shapes = {name: every[name] for name in weight_map.references}
    by_leaf = jax.tree.leaves(batch.call({name: _Named(name) for name in batch.inputs}))
    names = [leaf.name if isinstance(leaf, _Named) else None for leaf in by_leaf]
    axes = {
        name: tuple(permutation)
        for name, permutation in zip(names, found_map.inputs, strict=False)
        if name and permutation and pair.port_inputs is None
    }
    return Prepared(
        pair=pair,
        reference=reference,
        port=found_map.model,
        weight_map=weight_map,
        shapes=shapes,
        leaves={path: tuple(found_map.model.leaves[path].shape) for path in weight_map.ports},
        own=own,
        input_axes=axes,
        # What an adapter makes of the outputs is the pair's own business, their layout included.
        output_axes={} if pair.port_outputs or pair.reference_outputs else dict(found_map.outputs),
        buffers=tuple(name for name in shapes if name in reference.buffers),
        constants=(*found_map.constants, *(entry.reference for entry in counted)),
        notes=tuple(found_map.notes),
    )


class _Named:
    """Stands for an input, to see where it ends up among the leaves of a call."""

    def __init__(self, name: str) -> None:
        self.name = name


def called(adapt: UserFunction | None, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """What a side's model is called with: the batch's arguments, through the pair's adapter if there is one."""
    if adapt is None:
        return args, kwargs
    try:
        arguments = adapt(*args, **kwargs)
    except Exception as error:
        swallowed(error)
        raise UsageError(
            f"an adapter of the inputs (reference_inputs=, port_inputs=) raised {described(error)}"
        ) from error
    if isinstance(arguments, dict):
        return (), arguments
    return (arguments if isinstance(arguments, tuple) else (arguments,)), {}


def prepare_recorded(pair: Pair, record: Any) -> Prepared:
    """Bring the port of ``pair`` together with a reference that is on record; needs no torch.

    Raises:
        UsageError: the pair and the record do not belong together, or the weight map cannot be found_map.
    """
    from compare.weights.mapping.find import find
    from compare.weights.mapping.program import Program

    facts = record.facts
    if pair.port is None:
        raise UsageError(f"pair {pair.name}: there is no port to hold against the record")
    if facts["has_optimizers"] and pair.optimizers is None:
        raise UsageError(f"pair {pair.name}: the record was made with optimizers, and the pair has none for the port")
    if facts["has_loss"] != (pair.loss is not None):
        raise UsageError(f"pair {pair.name}: the record was made {'with' if facts['has_loss'] else 'without'} a loss")
    reference = RecordedReference(facts)
    batch = record.entering(()).batches[0]
    args, kwargs = _adapted(pair.port_inputs, batch, _seen_by_jax)
    port = pair.port
    if is_function_alone(port):
        port = (port, {name: np.zeros(shape, np.float32) for name, shape in reference.parameters.items()})
    program = Program.from_form(facts["program"])
    found_map = find(program, (), {}, port, args, kwargs, rules=pair.rules, permute=pair.port_inputs is None)
    return _prepared(pair, reference, found_map, batch, {})


class RecordedReference:
    """What is known of a reference that is on record."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.parameters = {name: tuple(shape) for name, shape in facts["parameters"].items()}
        self.buffers = {name: tuple(shape) for name, shape in facts["buffers"].items()}
        self.counters, self.has_mode = list(facts["counters"]), bool(facts["has_mode"])
        self.frozen, self.training = list(facts["frozen"]), bool(facts["training"])
