"""Bytes as people say them."""

from compare.verdict.counted import counted


def size(count: int) -> str:
    """A number of bytes as people say it."""
    if count >= 1 << 20:
        return f"{count / (1 << 20):,.1f} MiB"
    return f"{count / 1024:,.1f} KiB" if count >= 1024 else counted(count, "byte")
