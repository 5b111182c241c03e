"""Batches and parameters are given to the compiled step; none is a constant of it."""

from compare.measure.bench.gates.observation import Observed


def given(row: Observed, plain: Observed) -> str:
    """No array of the draw lies inside the program, where a compiler may compute with it beforehand."""
    if not row.constants:
        return ""
    shapes = ", ".join(str(shape) for shape in row.constants[:3])
    return (
        f"closed over: expected batches and parameters as arguments of the compiled step, got {len(row.constants)} "
        f"array(s) among its constants that change with the draw, of shape {shapes}"
    )
