"""Where a port goes its own way and makes it good later (a scale applied in the next layer): no place to cut it at."""

from collections.abc import Callable, Collection, Mapping, Sequence

from compare.explain.locate.cuts import Cut
from compare.explain.locate.thresholds import APART, EXACT, HALVED, MADE_GOOD, SHOWS, WAY_ENDS, WAY_RUNS

Apart = Callable[[set[Cut]], Mapping[Cut, float]]


def own_ways(
    order: Sequence[Cut], apart: Apart, exact: float = EXACT, multiples: Collection[Cut] = frozenset()
) -> set[Cut]:
    """The cuts at which the port has another array than the reference and still makes the reference's later.

    Fed with the reference's array there, the port would differ where its way ends, and its gradients in between would
    be taken at the wrong place. Where a fault of its own stands at the end of a way, what is left there beside the
    port's own array is by far less than beside the reference's; of a multiple of an array less is enough, as a scale is
    made good in the next layer or it is not.

    Args:
        order: the port's cuts in the order of the reference's run.
        apart: of a run in which some cuts are open (the port's own array goes on), at each cut the relative difference
            to the reference. exact: below it two arrays are one.
        multiples: the cuts at which the port's array is a multiple of the reference's.
    """
    plain = apart(set())
    differing = [at for at, cut in enumerate(order) if plain[cut] > max(APART, exact)]
    ways: set[Cut] = set()
    runs, settled = 0, -1
    for number, start in enumerate(differing):
        nearly: tuple[float, int, set[Cut]] | None = None
        for end in differing[number + 1 : number + 1 + WAY_ENDS] if start > settled else ():
            if runs == WAY_RUNS:
                break
            runs += 1
            apart_now = apart(ways | set(order[start:end]))
            left = apart_now[order[end]]
            made_good = MADE_GOOD * min(plain[order[end]], apart_now[order[start]], 1.0)
            if order[start] in multiples and plain[order[end]] > SHOWS:
                made_good = HALVED * min(plain[order[end]], apart_now[order[start]])
            if left > max(exact, made_good) or any(
                _arises(order[at], plain, apart_now, exact) for at in range(end, len(order))
            ):
                continue
            way = {cut for cut in order[start:end] if apart_now[cut] > exact}
            if left <= exact:
                ways |= way
                settled, nearly = end, None
                break
            nearly = min(nearly or (left, end, way), (left, end, way), key=lambda one: one[0])
        if nearly is not None:
            ways |= nearly[2]
            settled = nearly[1] - 1
        if runs == WAY_RUNS:
            break
    return ways


def _arises(cut: Cut, before: Mapping[Cut, float], after: Mapping[Cut, float], exact: float) -> bool:
    """Whether a cut that agreed differs now."""
    return before[cut] <= exact < after[cut]
