"""The weights that a user converted, judged: of the side's own or from a file, beside the original's or a file's."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compare.arrays.arrays import Arrays, Shapes
from compare.checkpoints.checkpoint import UnsoundError, check_dtype
from compare.checkpoints.convert import conversion_between
from compare.checkpoints.files import read
from compare.checkpoints.unsaved import with_unsaved
from compare.errors import UsageError, shown, swallowed
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared
from compare.weights.mapping.offsets import offset_lines
from compare.weights.own.own_weights import OTHER_SIDE, OwnValues, OwnWeights, Side, own_weights
from compare.weights.weights import WeightMap

HAS_NONE = {
    "port": "the port has no weights of its own: give (module, variables) as the pair's port, or --port-weights FILE",
    "reference": "the reference has no weights of its own: give an nn.Module, or --reference-weights FILE",
}


@dataclass(frozen=True)
class WeightsAsked:
    """What somebody wants to know of weights.

    Attributes:
        original: the side whose weights are right.
        asked: whether the answer counts.
        reference, port: files with the weights of either side, in the place of the model's own.
    """

    original: Side = "reference"
    asked: bool = False
    reference: Path | None = None
    port: Path | None = None


NOT_ASKED = WeightsAsked()


def asked_of(weights: object) -> WeightsAsked:
    """What ``weights=`` of a call asks: nothing, the port's own weights, or those of the side that it names.

    Raises:
        UsageError: it is neither a truth value nor a side.
    """
    if weights is None or isinstance(weights, bool):
        return WeightsAsked(asked=bool(weights))
    if weights == "port" or weights == "reference":
        return WeightsAsked("reference" if weights == "port" else "port", asked=True)
    raise UsageError(f"weights: expected True, False, 'port' or 'reference', got {shown(weights)}")


def judged_weights(
    prepared: Prepared, asked: WeightsAsked = NOT_ASKED, port: Arrays | None = None
) -> OwnWeights | None:
    """What the weights of one side are beside the original's; None where nobody asked and a side has none of its own.

    Args:
        port: the port's weights, where its model could not be given them.

    Raises:
        UsageError: it was asked for and a side has none, or a file is none, or lacks what the original must have.
    """
    try:
        return _judged(prepared, asked, port)
    except Exception as error:  # a library's, of arrays that NumPy has no numbers of
        if asked.asked:
            raise
        swallowed(error)  # weights that nobody asked for keep nothing from being compared
        return None


def _judged(prepared: Prepared, asked: WeightsAsked, port: Arrays | None) -> OwnWeights | None:
    reference_own = _own_of_reference(prepared) if asked.reference is None else read(asked.reference).arrays
    port_own = read(asked.port).arrays if asked.port is not None else port
    port_own = _own_of_port(prepared) if port_own is None else port_own
    for side, own in (("reference", reference_own), ("port", port_own)):
        if own is None and asked.asked:
            raise UsageError(f"pair {prepared.pair.name}: {HAS_NONE[side]}")
        for name, array in (own or {}).items():
            check_numbers(side, name, array)
    if reference_own is None or port_own is None:
        return None
    values = conversion_between(prepared).values(reference_own, port_own, prepared.accepted)
    names: tuple[tuple[Side, Path | None, Arrays, Shapes], ...] = (
        ("reference", asked.reference, values.reference, values.shapes),
        ("port", asked.port, values.port, values.leaves),
    )
    for side, path, found, wanted in names:
        if path is not None and not found:
            other = OTHER_SIDE[side]
            given = reference_own if side == "reference" else port_own
            if conversion_between(prepared).side_of(given or {}, side) == other:
                raise UsageError(f"{path}: its names are the {other}'s: give it as --{other}-weights")
            raise UsageError(f"{path}: none of its names is one of the model's, such as {next(iter(wanted))}")
    if asked.reference is not None:
        values = replace(values, reference=with_unsaved(values.reference, prepared))
    values = replace(values, doubted=prepared.doubted)
    weight_map, said = prepared.loaded
    if not asked.asked and said:  # the function is asked about, of weights that it may not be the right one for
        weight_map, said = _carried(prepared, values), ()
    values = replace(values, notes={**values.notes, "port": (*values.notes.get("port", ()), *said)})
    return own_weights(weight_map, values, asked.original, asked.asked)


def _carried(prepared: Prepared, values: OwnValues) -> WeightMap:
    """The map with what the port's code takes off again of those arrays that have it."""
    reference, port = (
        {name: array for name, array in given.items() if array.shape == tuple(shapes[name])}
        for given, shapes in ((values.reference, values.shapes), (values.port, values.leaves))
    )
    return WeightMap(offset_lines(prepared.weight_map.entries, prepared.offsets, reference, port))


def brought_together(pair: Pair, seed: int = 0) -> tuple[Prepared, Arrays | None]:
    """The pair, prepared; where its port does not run on the variables that it came with, the port without them, and
    they.

    Raises:
        UsageError: as ``prepare`` does.
    """
    try:
        return prepare(pair, seed), None
    except UsageError as error:
        if not (isinstance(pair.port, tuple) and len(pair.port) == 2):
            raise
        module, variables = pair.port
        try:
            prepared = prepare(replace(pair, port=module), seed)
            if prepared.port.has_own:
                raise error
            return prepared, prepared.port.held_in(variables)
        except UsageError as again:
            swallowed(again)
            raise error from again


def check_numbers(side: str, name: str, array: np.ndarray) -> None:
    """Refuse arrays of what no weight is.

    Raises:
        UsageError: the dtype is none that weights have.
    """
    try:
        check_dtype(name, array.dtype)
    except UnsoundError as error:
        raise UsageError(f"weights of the {side}: {error}") from error


def _own_of_reference(prepared: Prepared) -> Arrays | None:
    from compare.frameworks.models.references import LooseTensors, ReferenceModel

    own = prepared.reference
    if not isinstance(own, ReferenceModel) or isinstance(own.module, LooseTensors):
        return None
    return own.state()


def _own_of_port(prepared: Prepared) -> Arrays | None:
    if not prepared.port.has_own:
        return None
    accepted = [path for path in prepared.accepted if path in prepared.port.leaves]
    return prepared.port.initial([*prepared.leaves, *accepted])
