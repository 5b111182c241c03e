"""A step is not taken apart into more operations than the plain step."""

from compare.measure.bench.gates.observation import Observed

MORE = 1.25  # times the plain step's operations, and a few beside
FEW = 16
SIDES = 1.5  # times the other side's operations, which are finer in a jaxpr
GROWN = 1.5  # times as many products with twice the rows: a loop over rows makes twice as many
PIECES = 8.0  # times the other side's products, each written out


def operations(row: Observed) -> float:
    """In a training step; views are none."""
    return sum(one.times for one in row.operations or ()) / row.steps_per_call


def products(row: Observed, written: bool = False) -> float:
    """Products and convolutions in a training step; ``written``: those of a loop's body once."""
    counts = [1 if written else one.times for one in row.operations or () if one.is_product]
    return sum(counts) / (1 if written and row.side == "jax" else row.steps_per_call)


def dispatched(row: Observed, plain: Observed, alike: Observed | None) -> str:
    """Operations against the plain step of the same framework, ``alike``, and against the reference's.

    Args:
        alike: the plain step of the row's own framework.
    """
    if row.operations is None or plain.operations is None:
        return ""
    step = sum(one.times for one in row.operations)
    if row.called is not None and not step / MORE <= row.called <= MORE * step + FEW:
        return f"operations: expected a call to dispatch about the {step:,} of its step, got {row.called:,}"
    if sentence := _kept(plain) or _kept(row) or _by_rows(row, plain) or _by_rows(plain, row):
        return sentence
    if alike is not None and alike.operations is not None:
        own, expected = operations(row), operations(alike)
        if own > MORE * expected + FEW:
            return f"operations: expected about {expected:,.0f} in a step, as in {alike.name}, got {own:,.0f}"
    if row.side == plain.side:
        return ""
    own, expected = operations(row), operations(plain)
    if expected > SIDES * own:
        return f"operations: expected about {own:,.0f} in a step of {plain.name}, as in {row.name}, got {expected:,.0f}"
    own, expected = products(row, written=True), products(plain)
    if own > PIECES * expected + FEW:
        return f"operations: expected about {expected:,.0f} products in a step, as in {plain.name}, got {own:,.0f}"
    return ""


def _kept(row: Observed) -> str:
    once = operations(row) * row.steps_per_call
    if row.afresh is None or row.afresh <= MORE * once + FEW:
        return ""
    return (
        f"operations: expected a step of {row.name} to dispatch the {row.afresh:,} operations that batches it has "
        f"never seen take, got {once:,.0f}: it keeps what it computed of those it has seen"
    )


def _by_rows(one: Observed, other: Observed) -> str:
    if one.grown is None or other.grown is None or one.grown <= GROWN * other.grown:
        return ""
    return (
        f"operations: expected as many products in a step of {one.name} whatever the rows of its batch, as in "
        f"{other.name}, got {one.grown:.1f} times as many with twice the rows: it goes over them row by row"
    )
