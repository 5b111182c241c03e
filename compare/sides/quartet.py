"""Every quantity four times from the same values: each side at the working precision, each side in float64."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from compare.arrays.arrays import FLOATING, Arrays, wide
from compare.errors import UsageError, in_one_line, swallowed
from compare.frameworks.blame import is_out_of_memory
from compare.frameworks.devices import Device
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.roundings import Book
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering, Pair
from compare.pair.prepared import Prepared
from compare.sides.context import Context, Lowering, Oracles, Witness
from compare.sides.quantities import judge_together
from compare.sides.shelf import put_aside
from compare.sides.side import STEPS, Deviations, Dropped, Following, OnRecord, Result, Run, Side, SideError, What
from compare.sides.structures import Structures
from compare.sides.variance import ACCEPT, corrected
from compare.verdict.precision import FLOAT64, ROUNDED, Precision
from compare.verdict.verdict import Judgement

if TYPE_CHECKING:
    from compare.sides.port import PortSide
    from compare.sides.port_as_traced import PortAsTraced
    from compare.sides.port_forward import Leaves, Program

WORKING, ORACLE, PROMOTED = "working", "oracle", "promoted"  # what a side is run as

ROOM = 120  # characters of what a library says

Made = TypeVar("Made")


@dataclass(frozen=True)
class Quartet:
    """Both sides of one pair, each at ``precision`` on ``device`` and in float64 on ``oracle``.

    What a side runs is one mode's outputs and gradients, or ``STEPS``, the training steps. Nothing in it changes but
    ``sides``, where compiled programs stay, and ``shapes``, of the port's outputs: other oracles make another quartet
    (``using``).

    Attributes:
        recorded: makes the reference's side for ``WORKING``, ``ORACLE`` or ``PROMOTED`` from its record; by default
            it is run.
        promoted: whether everything that the models' own code lowers to float32 is raised to float64 in the oracles.
        witness: whose exact values stand in the oracles in place of what the models hold.
        lowering: what of the models' own roundings the promoted oracles keep.
        rounded: whether every result in the oracles is rounded to a few bits less than float64 holds.
        left_out: quantities that no run returns, since they depend on what each side draws for itself.
    """

    prepared: Prepared
    precision: Precision
    device: Device
    oracle: Device
    recorded: Callable[[str], OnRecord] | None = None
    promoted: bool = False
    witness: Witness | None = None
    lowering: Lowering | None = None
    rounded: bool = False
    left_out: frozenset[str] = frozenset()
    sides: dict[Hashable, Side] = field(default_factory=dict, repr=False, compare=False)
    shapes: "dict[Program, Leaves]" = field(default_factory=dict, repr=False, compare=False)

    @property
    def pair(self) -> Pair:
        return self.prepared.pair

    @property
    def on_record(self) -> bool:
        return self.recorded is not None

    @property
    def oracles(self) -> Oracles:
        return Oracles(self.oracle, self.promoted, self.witness, self.lowering, self.rounded)

    def using(self, oracles: Oracles | None) -> "Quartet":
        """The same sides with these oracles; with None as it is."""
        if oracles is None:
            return self
        return replace(
            self,
            oracle=oracles.device,
            promoted=oracles.promoted,
            witness=oracles.witness,
            lowering=oracles.lowering,
            rounded=oracles.rounded,
        )

    @property
    def kept_reference(self) -> Kept | None:
        """What the reference's promoted oracle keeps of its roundings; None where there was nothing to look at."""
        return self.lowering.reference if self.lowering and self.promoted else None

    @property
    def kept_port(self) -> Kept | None:
        """What the port's promoted oracle keeps of its roundings."""
        return self.lowering.port if self.lowering and self.promoted else None

    def within(self, context: Context) -> "Quartet":
        """The same sides by a context's oracles, without what its noise reaches."""
        return self.using(context.oracles).without(context.noise.reaches)

    def without(self, left_out: frozenset[str]) -> "Quartet":
        """The same sides without these quantities."""
        return replace(self, left_out=left_out)

    def with_other(self, side: str, **changed: Any) -> "Quartet":
        """The same pair with ``changed`` of what was prepared, which ``side`` ("reference" or "port") alone depends on:
        what the other side has compiled stays."""
        kept = {key: made for key, made in self.sides.items() if not (isinstance(key, tuple) and side in key)}
        return replace(self, prepared=replace(self.prepared, **changed), sides=kept)

    @property
    def reference(self) -> Side:
        """The reference at the working precision."""
        return self._kept(("reference", WORKING), lambda: self._reference(WORKING))

    @property
    def port(self) -> Following:
        """The port at the working precision."""
        return cast(Following, self._kept(("port", WORKING), lambda: self._port(WORKING)))

    @property
    def reference_64(self) -> Side:
        """The reference by the oracles in use."""
        which = PROMOTED if self.promoted else ORACLE
        key = ("reference", which, self.oracle.name, self.rounded, self.witness, self.kept_reference)
        return self._kept(key, lambda: self._reference(which))

    @property
    def port_64(self) -> Following:
        """The port by the oracles in use."""
        which = PROMOTED if self.promoted else ORACLE
        key = ("port", which, self.oracle.name, self.rounded, self.witness, self.kept_port)
        return cast(Following, self._kept(key, lambda: self._port(which)))

    @property
    def port_as_traced(self) -> "PortAsTraced":
        """The port's program at the working precision, in float64."""
        from compare.sides.port_as_traced import PortAsTraced

        if self.prepared.aside is not None:
            raise UsageError(
                f"pair {self.pair.name}: a model cannot run in float64, and what stands in for that runs it whole: "
                "verify without --by-module"
            )
        key = ("port", "as traced", self.oracle.name)
        made = self._kept(key, lambda: PortAsTraced(self.prepared, self.precision, self.oracle.jax, self.shapes))
        return cast("PortAsTraced", made)

    def _kept(self, key: Hashable, make: Callable[[], Side]) -> Side:
        if key not in self.sides:
            self.sides[key] = make()
        return self.sides[key]

    def _reference(self, which: str) -> Side:
        if self.recorded is not None:
            return self.recorded(which)
        from compare.sides.reference import ReferenceSide

        if which == WORKING:
            return ReferenceSide(self.prepared, self.precision, self.device.torch)
        held = self.witness.reference if self.witness else None
        bits, promoted = ROUNDED.bits if self.rounded else 0, which == PROMOTED
        kept = self.kept_reference
        return ReferenceSide(self.prepared, FLOAT64, self.oracle.torch, promoted, replaced=held, bits=bits, kept=kept)

    def _port(self, which: str) -> Following:
        kind = self._kind_of_port()
        if which == WORKING:
            return kind(self.prepared, self.precision, self.device.jax, shapes=self.shapes)
        exact = self.witness.port if self.witness else ()
        bits, promoted = ROUNDED.bits if self.rounded else 0, which == PROMOTED
        kept = self.kept_port
        return kind(self.prepared, FLOAT64, self.oracle.jax, promoted, exact, self.shapes, bits=bits, kept=kept)

    def _kind_of_port(self) -> "type[PortSide]":
        if self.prepared.aside is None:
            from compare.sides.port import PortSide

            return PortSide
        from compare.sides.port_by_module import PortByModule

        return PortByModule

    def observed(self, entering: Entering, mode: Mode, shared: Mapping[str, str]) -> tuple[Book, Dropped]:
        """What the reference rounds below the working precision, its weights by names that both sides share, and what
        it dropped."""
        if self.recorded is not None:
            side = self.recorded(WORKING)
            return side.book(mode, shared), side.run(entering, mode).dropped
        from compare.sides.noting_reference import NotingReference

        seen = NotingReference(self.prepared, self.precision, self.device.torch, shared)
        return seen.book, seen.run(entering, mode).dropped

    def run(self, entering: Entering, what: What = None) -> tuple[Result, Result, Result, Result]:
        """The four runs, in the order the judge takes them."""
        t, t64 = self.run_reference(entering, what)
        j, j64 = self.run_port(entering, what, t)
        return t, j, t64, j64

    def run_reference(self, entering: Entering, what: What = None) -> tuple[Result, Result]:
        return self.working_reference(entering, what), self.oracle_reference(entering, what)

    def run_port(self, entering: Entering, what: What = None, followed: Result | None = None) -> tuple[Result, Result]:
        """The port's runs. ``followed``: the reference's, whose dropouts it replays."""
        return self.working_port(entering, what, followed), self.oracle_port(entering, what, followed)

    def working_reference(self, entering: Entering, what: What = None) -> Result:
        return _aside(self._rest(_of_reference(self.reference, entering, what)))

    def recorded_deviations(self, entering: Entering, what: What) -> Deviations | None:
        """The reference's from its re-runs nearby, where it is on record: it cannot be run again."""
        return self.recorded(WORKING).deviations(entering, what) if self.recorded else None

    def working_port(self, entering: Entering, what: What = None, followed: Result | None = None) -> Result:
        return _aside(self._of_port(self.port, entering, what, followed))

    def traced_port(self, entering: Entering, what: What = None, followed: Result | None = None) -> Result:
        return self._of_port(self.port_as_traced, entering, what, followed)

    def oracle_reference(self, entering: Entering, what: What = None) -> Result:
        return _aside(self._rest(_of_reference(self.reference_64, entering, what)))

    def oracle_port(self, entering: Entering, what: What = None, followed: Result | None = None) -> Result:
        return self._of_port(self.port_64, entering, what, followed)

    def _of_port(self, side: Following, entering: Entering, what: What, followed: Result | None) -> Result:
        dropped = followed.dropped if followed else ()

        def run() -> Result:
            if what == STEPS:
                return side.steps(entering, dropped, followed.slots if followed else frozenset())
            return side.run(entering, what, dropped)

        result = self._rest(named_after("port", run))
        if ACCEPT in self.pair.accept and followed:
            corrections = self.with_unbiased_variance(result, followed, entering, what)
            return replace(result, arrays={**result.arrays, **corrections})
        return result

    def _rest(self, result: Result) -> Result:
        if not self.left_out:
            return result
        return replace(result, arrays={name: result[name] for name in result if name not in self.left_out})

    def with_unbiased_variance(self, run: Run, followed: Result, entering: Entering, what: What) -> Arrays:
        """Of a run of the port, the running variances as torch would keep them."""
        names = {name: name.removeprefix("after/").removeprefix("state/") for name in run if "state/" in name}
        steps = len(entering.batches) if what == STEPS else 1
        return corrected(run, names, entering.buffers, followed.variances, steps)

    def islands_of_port(self, entering: Entering, mode: Mode, followed: Result) -> list[str]:
        """Where the port's own code makes something float32 in a float64 run: "file:line"."""
        from compare.frameworks.islands.port import islands_jax

        side = self.using(Oracles(self.oracle)).port_64
        with side.x64():
            function, args = side.program(entering, mode, followed.dropped)
            return islands_jax(function, *args)

    def run_by_hand(self, entering: Entering) -> tuple[Arrays, Arrays]:
        """The same names from the derivation in NumPy, at the working precision and in float64."""
        assert self.pair.by_hand is not None
        weights, batch = entering.weights, entering.batches[0]
        wide = replace(batch, inputs=_widen(batch.inputs), targets=_widen(batch.targets))
        return self.pair.derived(weights, batch), self.pair.derived(_widen(weights), wide)

    def structures_differ(self, t: Result, entering: Entering, mode: Mode) -> Structures | None:
        """Both sides' outputs where structure or shapes differ, else None. Computes nothing."""
        leaves = named_after("port", lambda: self.port.shapes_of_outputs(entering, mode, t.dropped))
        port = {name: tuple(leaf.shape) for name, leaf in leaves.items() if name not in self.left_out}
        reference = {name: array.shape for name, array in t.items() if name.split("/")[0] == "output"}
        return Structures(reference, port) if port != reference else None

    def judge(
        self, t: Run, j: Run, t64: Run, j64: Run, sizes: Mapping[str, float] | None = None
    ) -> dict[str, Judgement]:
        """The judgement on every quantity that any of the four runs has, in the reference's order.

        Args:
            sizes: what a quantity's size counts as at least (``Context.sizes``).
        """
        return judge_together((t, j, t64, j64), self.precision, sizes or {})


def _of_reference(side: Side, entering: Entering, what: What) -> Result:
    def run() -> Result:
        return side.steps(entering) if what == STEPS else side.run(entering, what)

    try:
        return named_after("reference", run)
    except SideError as error:
        alone: Callable[[], Side | None] = getattr(side, "alone", lambda: None)  # what is on record has none
        cause, plain = error.__cause__, alone()
        if plain is None or not isinstance(cause, Exception):
            raise
        try:
            _of_reference(plain, entering, what)
        except SideError as again:
            swallowed(again)
        else:
            raise SideError("reference", cause, watched=True) from cause
        raise


def _aside(result: Result) -> Result:
    """The same run, its arrays on a shelf where they are large."""
    return replace(result, arrays=put_aside(result.arrays))


def _widen(arrays: Arrays) -> Arrays:
    """The same values, rounded to the working precision already, held in float64."""
    return {name: wide(array) if array.dtype.kind in FLOATING else array for name, array in arrays.items()}


def named_after(side: str, run: Callable[[], Made]) -> Made:
    """What ``run`` returns; what it raises is named after its side."""
    try:
        return run()
    except (UsageError, SideError):
        raise
    except Exception as error:  # whatever a user's model raises is its own; it is named, not swallowed
        if is_out_of_memory(error):  # which says something of the machine at this moment, and nothing of the function
            raise UsageError(
                f"the {side} ran out of memory ({in_one_line(error, ROOM)}), of which no verdict comes: expected more "
                "room, a smaller --batch, --quick, or --by-module on the CPU"
            ) from error
        raise SideError(side, error) from error
