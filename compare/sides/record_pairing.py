"""A port brought together with a reference that is on record: needs no torch."""

from compare.errors import UsageError
from compare.frameworks.models.choose import Streamed, is_function_alone
from compare.pair.adapters import adapted_port
from compare.pair.pair import Pair
from compare.pair.prepare import Prepared, with_map, zeros_like
from compare.sides.record_file import Facts, ReferenceRecord


class RecordedReference:
    """What is known of a reference that is on record: a ``Reference`` that cannot be run."""

    def __init__(self, facts: Facts) -> None:
        self.parameters = {name: tuple(shape) for name, shape in facts["parameters"].items()}
        self.buffers = {name: tuple(shape) for name, shape in facts["buffers"].items()}
        self.counters, self.has_mode = list(facts["counters"]), bool(facts["has_mode"])
        self.complex_names = frozenset(facts.get("complex", ()))
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
    batch = record.entering(()).batches[0]
    args, kwargs = adapted_port(pair, batch)
    port = pair.port
    if is_function_alone(port):
        port = (port, zeros_like(reference))
    program = Program.from_form(facts["program"])
    streamed = Streamed(port, pair.rngs)
    found_map = find(program, (), {}, streamed, args, kwargs, rules=pair.rules, permute=pair.port_inputs is None)
    return with_map(pair, reference, found_map, batch, {})
