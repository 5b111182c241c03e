"""Two checkpoints beside each other where they lie: the second is judged by what the map makes of the first.

Line by line, so that what is there at once is one line's arrays, of whatever size the checkpoints are.
"""

from dataclasses import replace
from pathlib import Path

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.convert import Conversion
from compare.checkpoints.files import read
from compare.checkpoints.judged import check_numbers
from compare.checkpoints.training_names import fitted_names
from compare.checkpoints.unsaved import with_unsaved
from compare.errors import UsageError
from compare.pair.prepared import Prepared
from compare.weights.own.own_weights import OTHER_SIDE, OwnWeights, Side, own_weights


def judged_files(first: Path, second: Path, conversion: Conversion, prepared: Prepared | None = None) -> OwnWeights:
    """What the arrays of ``second`` are, beside what the map makes of those of ``first``, whose weights are right.

    Args:
        first, second: a checkpoint of either side, and one of the other: files, indexes of shards or folders.
        conversion: between both sides.
        prepared: the pair that it is of, if it is there: for buffers that no checkpoint holds, and what its map is not
            sure of.

    Raises:
        UsageError: one of them is no sound checkpoint, both are of one side, the first is not whole, or copies of
            what is one array differ.
    """
    paths, checkpoints = (first, second), tuple(map(read, (first, second)))
    sides = tuple(_side(path, checkpoint, conversion) for path, checkpoint in zip(paths, checkpoints, strict=True))
    if sides[0] == sides[1]:
        raise UsageError(
            f"weights: {first} and {second} are both the {sides[0]}'s by their names: expected one of either side"
        )
    arrays = {side: checkpoint.arrays for side, checkpoint in zip(sides, checkpoints, strict=True)}
    for side in sides:
        for name, array in arrays[side].items():
            check_numbers(side, name, array)
        conversion.check_tied(side, arrays[side])
    values = conversion.values(arrays["reference"], arrays["port"], prepared.accepted if prepared is not None else ())
    if prepared is not None:
        values = replace(values, reference=with_unsaved(values.reference, prepared), doubted=prepared.doubted)
    found = own_weights(conversion.weight_map, values, sides[0], asked=True)
    return replace(found, notes=(*conversion.notes, *found.notes))


def _side(path: Path, checkpoint: Checkpoint, conversion: Conversion) -> Side:
    """Whose arrays these are, by the names of both models.

    Raises:
        UsageError: none of them is one of either.
    """
    side = conversion.side_of(checkpoint.arrays, checkpoint.side)
    known_names = conversion.names_of(side)
    if not known_names.isdisjoint(fitted_names(checkpoint.arrays, known_names).arrays):
        return side
    known = {one: next(iter(sorted(conversion.names_of(one)))) for one in OTHER_SIDE}
    raise UsageError(
        f"{path}: none of its names is one of the pair's, such as {known['reference']} or {known['port']}: "
        f"it has {next(iter(checkpoint.arrays), 'no arrays')}"
    )
