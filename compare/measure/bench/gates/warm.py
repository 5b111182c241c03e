"""Nothing is compiled while a warm row is called."""

from compare.measure.bench.gates.observation import Observed


def warm(row: Observed, plain: Observed) -> str:
    """After two passes over its batches a row has all the programs that it needs."""
    if not row.compiled:
        return ""
    return (
        f"compilations: expected 0 in {row.warm_calls} calls after all batches were seen, got {row.compiled}: the row "
        "compiles while it is timed"
    )
