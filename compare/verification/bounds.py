"""Whether the reference takes what the batch's bounds say: else probes that redraw integers would show nothing."""

from dataclasses import replace

from compare.arrays.batch import Batch
from compare.arrays.probes import at_bounds
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.side import SideError

ON_A_GPU = "device-side assert"  # an index that is out of range there


def check_bounds(quartet: Quartet, entering: Entering) -> None:
    """Run the reference on the pair's own batch with its integers at both ends of their bounds.

    Raises:
        UsageError: an index among them is out of the range of what it indexes, such as an embedding's rows.
    """
    batch = entering.batches[0]
    if quartet.on_record or not batch.bounds or _out_of_range(quartet, entering, batch, tuple(batch.bounds)) is None:
        return
    for name, bound in batch.bounds.items():
        error = _out_of_range(quartet, entering, batch, (name,))
        if error is not None:
            raise UsageError(
                f"pair {quartet.pair.name}: the bounds of {name}: the reference does not take every value of "
                f"{tuple(bound)}: {described(error)}: give the half-open range of those that it takes"
            ) from error


def _out_of_range(quartet: Quartet, entering: Entering, batch: Batch, names: tuple[str, ...]) -> BaseException | None:
    """What the reference raises of an index, with the integers of those names at their ends; of anything else, that
    the probes skip and list, nothing."""
    for at_ends in at_bounds(batch, names):
        try:
            quartet.working_reference(replace(entering, batches=(at_ends,)), quartet.prepared.modes[-1])
        except SideError as error:
            swallowed(error)
            root: BaseException = error
            while root.__cause__ is not None:
                root = root.__cause__
            if isinstance(root, IndexError) or ON_A_GPU in str(root):
                return root
    return None
