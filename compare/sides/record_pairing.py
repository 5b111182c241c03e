"""A port brought together with a reference that is on record: needs no torch."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from compare.arrays.arrays import Arrays
from compare.errors import UsageError
from compare.frameworks.models.choose import is_function_alone
from compare.pair.accepted import matches
from compare.pair.adapters import adapted_port
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import streamed, with_map, zeros_like
from compare.pair.prepared import Prepared
from compare.pair.trial import NotRunError, tried
from compare.sides.quartet import ORACLE
from compare.sides.record_file import Facts, ReferenceRecord
from compare.sides.record_side import recorded_side
from compare.verdict.precision import Precision

if TYPE_CHECKING:
    from compare.weights.mapping.find import FoundMap


class RecordedReference:
    """What is known of a reference that is on record: a ``Reference`` that cannot be run."""

    def __init__(self, facts: Facts) -> None:
        self.parameters = {name: tuple(shape) for name, shape in facts["parameters"].items()}
        self.buffers = {name: tuple(shape) for name, shape in facts["buffers"].items()}
        self.counters, self.has_mode = list(facts["counters"]), bool(facts["has_mode"])
        self.complex_names = frozenset(facts.get("complex", ()))
        self.accepted = tuple(facts.get("accepted", ()))
        self.frozen, self.training = list(facts["frozen"]), bool(facts["training"])


def prepare_recorded(pair: Pair, record: ReferenceRecord) -> Prepared:
    """Bring the port of ``pair`` together with the reference of ``record``.

    Raises:
        UsageError: the pair and the record do not belong together, or no weight map is found.
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
    # What was held still when it was recorded need not be said again.
    more = [name for name in reference.accepted if not matches(name, pair.accept)]
    pair = replace(pair, accept=(*pair.accept, *more))
    batch = record.entering(()).batches[0]
    args, kwargs = adapted_port(pair, batch)
    port = pair.port
    if is_function_alone(port):
        port = (port, zeros_like(reference))
    program = Program.from_form(facts["program"])
    given = replace(streamed(pair, reference), port=port)

    def decide(maps: "Sequence[FoundMap]") -> tuple[int | None, str]:
        candidates = [with_map(pair, reference, one, batch, {}) for one in maps]
        first = candidates[0]
        entering = record.entering(first.buffers)

        def wanted(entered: Entering, precision: Precision) -> Arrays:
            """The record's own run alone, in float64: of maps that agree on it, none can be told."""
            if entered is not entering:
                raise NotRunError("the record has one run alone, on which several maps agree")
            run = recorded_side(record, first, ORACLE).run(entering, first.modes[-1])
            return {name: array for name, array in run.arrays.items() if name.split("/")[0] == "output"}

        return tried(candidates, entering, wanted)

    found_map = find(
        program,
        (),
        {},
        given,
        args,
        kwargs,
        rules=pair.rules,
        permute=pair.port_inputs is None,
        decide=decide,
        alone=partial(matches, accept=pair.accept),
    )
    _check_held(found_map, reference, pair)
    return with_map(pair, reference, found_map, batch, {})


def _check_held(found_map: "FoundMap", reference: RecordedReference, pair: Pair) -> None:
    """What the pair accepts of the reference must be what was held still when it was recorded.

    Raises:
        UsageError: it is more, or less.
    """
    left = [name for name in found_map.constants if name in reference.parameters]
    used = [name for name in left if matches(name, pair.accept)]
    for name in used:
        if name not in reference.accepted:
            raise UsageError(
                f"accept: the record trains {name}, which is the reference's own: record it again with --accept {name}"
            )
    for name in reference.accepted:
        if name not in used:
            raise UsageError(
                f"accept: the record leaves {name} out, and the port has it: record it again without accepting it"
            )
