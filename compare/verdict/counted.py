"""Numbers of things in words."""


def counted(count: int, noun: str, several: str = "") -> str:
    """``1 probe``, ``9 probes``, ``57,243 entries``.

    Args:
        count: how many there are.
        noun: what one of them is called.
        several: what more or fewer of them are called, where that is not ``noun`` with an s.
    """
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def agreed(count: int, one: str, several: str) -> str:
    """``1 computes``, ``5 compute``: a number and what so many do.

    Args:
        count: how many there are.
        one: what a single one does; several: what more or fewer do.
    """
    return f"{count:,} {one if count == 1 else several}"
