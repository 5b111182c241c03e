"""What a pair is: one reference, one port, and the recipe for the identical NumPy arrays both are fed."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays, from_parts, rounded
from compare.arrays.batch import Axes, Batch
from compare.arrays.several import each
from compare.errors import UsageError, shown
from compare.frameworks.meshes.shard_rules import check_sharding
from compare.pair.fields import FieldError, answer_of, arrays_of, check_fields, check_hyper, check_optimizers, scalar_of
from compare.pair.stepped import stepped
from compare.verdict.precision import FLOAT64, Precision
from compare.weights.mapping.user_rules import check_rules
from compare.weights.weights import WeightMap

UserFunction = Callable[..., Any]  # a function that the user wrote, of one framework or the other


@dataclass(frozen=True)
class Optimizers:
    """How each side trains.

    Attributes:
        reference: a function of (the torch parameters, ``**hyper``) that makes a ``torch.optim`` optimizer, alone or as
            (optimizer, scheduler): the scheduler is stepped after each step.
        port: a function of (``**hyper``) that makes an optax transformation.
        hyper: the hyper-parameters of both, by name, so that mutants can change them.
    """

    reference: UserFunction
    port: UserFunction
    hyper: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_hyper(self.hyper)


@dataclass(frozen=True)
class Pair:
    """A reference, a port and a batch; everything else has a default. From a pair alone come the checks, the
    certificates, the mutants and the tests.

    Attributes:
        reference: an ``nn.Module``, or a function of (dictionary of tensors, *inputs).
        port: a Flax module of either kind, a Linen one alone or as (module, variables); an Equinox module, as it is
            called with the whole batch, or (function, module), with a state in the place of either module as (module,
            state); or a function of (parameters, *inputs) as (function, parameters), alone where it takes the
            reference's parameters by name.
        batch: what ``Batch.of`` takes, or a function of a NumPy generator that returns it, every time with the same
            shapes.
        loss: a scalar from (outputs, *targets), for the reference and for the port; without it every gradient is
            taken against a random cotangent of every output, so that no error cancels in a sum.
        optimizers: both optimizers, or (function of the torch parameters, optax transformation), the function returning
            an optimizer, or one with its scheduler; without them no training step is compared.
        batch_axes: the axis of the rows, one for all inputs or by name; None for an input without.
        bounds: for integer inputs, the half-open range of their values: then they can be redrawn.
        reference_inputs, port_inputs: from the inputs (positional and keyword) to what this side's model is called
            with: a tuple of positional arguments, or a dictionary of keyword arguments.
        reference_outputs, port_outputs: from what this side's model returns to what is compared.
        rules: for the weight map, where names and structure do not decide: name patterns of the reference to patterns
            of the port.
        sharding: how the port's leaves lie on the mesh of ``--mesh``, by patterns of their paths (``*`` one part of it,
            ``**`` any number: ``{"**.kernel": P(None, "model")}``), and arrays of the batch as ``input.NAME``; else
            the port's own annotations say it, and rows are spread over the axis ``data``.
        spread: of the reference in several processes (``train --processes``), a function from the
            model to what is called in its place, such as your own wrapper; ``DistributedDataParallel`` without it.
        own_rows: likewise, a function of the number of a batch's rows: a slice of them, or their numbers, that this
            process takes, as your own sampler does; without it as many each, one process's behind the other's.
        accept: differences known and wanted; ``running_variance``: the port's running variance is that of the batch
            (divided by N), torch's is the unbiased one (by N - 1); any other word is the name, ``*`` standing for any
            text, of parameters that one side alone has: they keep their values, are not trained, and are listed.
        weight_map: which arrays of the reference are which leaves of the port; found where it is not given.
        weights: the reference's arrays by name from a NumPy generator; by default its own, moved away from 0 and 1.
        by_hand: outputs, loss and gradients from (weights, batch) in NumPy, where somebody has derived them.
        modes: ``("train",)``, ``("eval",)`` or both, where the models have modes; both where it is None.
        rngs: names of the random streams that the port needs beside those of dropout: Flax's by ``make_rng``, or keys
            that are arguments of its call. What it draws with them by hand has no counterpart in torch: it is listed,
            and the pair is ``incomplete``.
        rows: further rows of the benchmark by name, each a function of (prepared, entering, precision, device) that
            returns a ``compare.measure.bench.runner.Runner``.
        smooth: no kink anywhere (no ReLU, max, abs): then rounding errors must agree closely on both sides.
        name: what reports call the pair; from a file, its variable's name, or the file's where that is ``pair``.
        title: what reports say of it beside its name.

    Raises:
        UsageError: a field is not what it should be; the message says what was expected.
    """

    reference: Any
    port: Any
    batch: object
    loss: tuple[UserFunction, UserFunction] | None = None
    optimizers: Optimizers | tuple[UserFunction, Any] | None = None
    batch_axes: Axes = 0
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    reference_inputs: UserFunction | None = None
    port_inputs: UserFunction | None = None
    reference_outputs: UserFunction | None = None
    port_outputs: UserFunction | None = None
    rules: Mapping[str, str | tuple] = field(default_factory=dict)
    sharding: Mapping[str, Any] = field(default_factory=dict)
    spread: UserFunction | None = None
    own_rows: UserFunction | None = None
    accept: tuple[str, ...] = ()
    weight_map: WeightMap | None = None
    weights: Callable[[np.random.Generator], Arrays] | None = None
    by_hand: Callable[[Arrays, Batch], Arrays] | None = None
    smooth: bool = False
    modes: tuple[str, ...] | None = None
    rngs: tuple[str, ...] = ()
    rows: Mapping[str, UserFunction] = field(default_factory=dict)
    name: str = "pair"
    title: str = ""

    def __post_init__(self) -> None:
        check_fields(vars(self))
        check_rules(self.rules)
        check_sharding(self.sharding)
        object.__setattr__(self, "accept", tuple(self.accept))
        object.__setattr__(self, "modes", tuple(self.modes) if self.modes is not None else None)
        object.__setattr__(self, "rngs", _stream_names(self.rngs))
        if self.optimizers is not None:
            own = self.optimizers
            two = (own.reference, own.port) if isinstance(own, Optimizers) else _two(own)
            check_optimizers(two[0], two[1], needed=(self.reference is not None, self.port is not None))

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch from the recipe, drawn with ``rng``.

        Raises:
            UsageError: the recipe raises, or makes no batch for this pair.
        """
        batch = self._own(answer_of, "batch", self.batch, rng) if callable(self.batch) else self.batch
        if isinstance(batch, Batch) and (self.bounds or self.batch_axes != 0):
            raise UsageError(f"pair {self.name}: bounds= and batch_axes= belong to the Batch that the pair is given")
        if not isinstance(batch, Batch):
            batch = Batch.of(batch, names=self.input_names(), bounds=self.bounds, axes=self.batch_axes)
        if batch.targets and self.loss is None:
            raise UsageError(f"pair {self.name}: the batch has targets, and there is no loss= that takes them")
        return batch

    def draw_weights(self, rng: np.random.Generator) -> Arrays | None:
        """What ``weights`` draws; None without it.

        Args:
            rng: what it draws with.

        Raises:
            UsageError: it raises, or returns no floating arrays by name.
        """
        return self._own(arrays_of, "weights", self.weights, rng) if self.weights else None

    def derived(self, weights: Arrays, batch: Batch) -> Arrays:
        """What ``by_hand`` makes of them; it must be there.

        Args:
            weights: the reference's arrays, by name.
            batch: what both sides are fed.

        Raises:
            UsageError: it raises, or returns no floating arrays by name.
        """
        assert self.by_hand is not None
        return self._own(arrays_of, "by_hand", self.by_hand, weights, batch)

    def _own(self, ask: UserFunction, field: str, function: UserFunction, *args: Any) -> Any:
        """The answer of one of the pair's functions that know neither framework.

        Raises:
            UsageError: it raises, or returns what it must not.
        """
        try:
            return ask(field, function, *args)
        except FieldError as error:
            raise UsageError(f"pair {self.name}: {error}") from error

    def input_names(self) -> tuple[str, ...]:
        """What the reference calls its positional inputs."""
        function = getattr(self.reference, "forward", self.reference)
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return ()
        names = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        return tuple(names if function is not self.reference else names[1:])

    def training(self) -> Optimizers | None:
        """The optimizers, each as the function that makes it; the reference's with its schedulers in one."""
        if self.optimizers is None:
            return None
        if isinstance(self.optimizers, Optimizers):
            return replace(self.optimizers, reference=stepped(self.optimizers.reference))
        reference, port = self.optimizers
        return Optimizers(stepped(reference), port if not hasattr(port, "update") else lambda: port)


@dataclass(frozen=True)
class Entering:
    """All that enters one side's run, and the only thing a mutant may change.

    Attributes:
        weights: the parameters, under the reference's names, in its layout.
        buffers: the buffers that the port keeps too, likewise.
        batches: the first is the one that outputs and gradients are taken on; training steps take them in order.
        cotangent: what the gradient is multiplied by on its way back.
        hyper: the optimizer's hyper-parameters.
        seed: of the cotangents of a pair without a loss, and of the dropout masks.
        precision: what everything has been rounded to, the cotangents included.
    """

    weights: Arrays
    batches: Sequence[Batch]
    cotangent: float
    hyper: Mapping[str, float]
    buffers: Arrays = field(default_factory=dict)
    seed: int = 0
    precision: Precision = FLOAT64

    def at(self, precision: Precision) -> "Entering":
        return replace(
            self,
            weights={name: rounded(array, precision) for name, array in self.weights.items()},
            buffers={name: rounded(array, precision) for name, array in self.buffers.items()},
            batches=each(lambda batch: batch.at(precision), self.batches),
            precision=precision,
        )


def scored(loss: UserFunction, outputs: object, targets: Sequence[object]) -> Any:
    """The loss, a scalar; what it raises is told as its own.

    Raises:
        FieldError: it raises, or is no floating scalar.
    """
    return scalar_of("loss", answer_of("loss", loss, outputs, *targets))


def _stream_names(given: object) -> tuple[str, ...]:
    """The names of streams, or Flax's dictionary of keys by name; a text alone is none, as of ``modes``."""
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (None,)
    if not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise UsageError(f"rngs: expected names of random streams, such as ('noise',), got {shown(given)}")
    return tuple(dict.fromkeys(names))


def _two(given: Any) -> tuple[UserFunction, Any]:
    if type(given) is not tuple or len(given) != 2:  # an optax transformation is a tuple of two as well
        raise UsageError("optimizers: expected two, (function of the torch parameters, optax transformation)")
    return given


def cotangent_of(
    name: str, shape: tuple[int, ...], seed: int, precision: Precision, is_complex: bool = False
) -> np.ndarray:
    """The random cotangent of one output: N(0, 1), in both parts where ``is_complex``, rounded to ``precision``; a pure
    function of its arguments. Its conjugate's real product with the output is what is differentiated."""
    rng = np.random.default_rng([seed, *name.encode()])
    drawn = from_parts(rng.standard_normal((*shape, 2))) if is_complex else rng.standard_normal(shape)
    return rounded(drawn, precision)
