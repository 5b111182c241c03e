"""The whole table, or what it holds of one name."""

from collections.abc import Callable, Iterable

from compare.errors import UsageError, did_you_mean, in_one_line, nearest, swallowed
from compare.explain.differences.difference_row import Row
from compare.explain.differences.public_names_read import port_names, reference_name, same_elsewhere
from compare.explain.differences.recipe_row import OptimizerRow
from compare.explain.differences.reference_code import SAID
from compare.explain.differences.rows import GROUPS
from compare.explain.differences.run_row import Difference, difference
from compare.explain.differences.walked import optimizer_difference, optimizer_name, optimizer_names

AnyRow = Row | OptimizerRow
Grouped = tuple[str, AnyRow]


def every_row() -> list[Grouped]:
    """Each row with its group, in the table's order; what is done around an optimizer (gradients added up, parameters
    averaged) is on the page of the optimizers alone."""
    rows = [(group, row) for group, rows in GROUPS.items() for row in rows]
    return [(group, row) for group, row in rows if not (isinstance(row, OptimizerRow) and row.around)]


def rows_of(name: str) -> list[Grouped]:
    """The rows of a name of torch, JAX, Flax or optax: whole (``F.gelu``, ``jax.nn.gelu``), or its last part, whatever
    its capitals and underscores (``gelu``, ``LayerNorm``).

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    known = [(one, names_of(one[1])) for one in every_row()]
    for same in (lambda own: own == name, lambda own: _plain(own) == _plain(name)):
        if found := [one for one, names in known if any(same(own) for own in names)]:
            return found
    meant = nearest(name, sorted({own for _, names in known for own in (*names, *map(_last, names))}))
    raise UsageError(
        f"no row of the table of differences is called {name!r}{did_you_mean(meant)}; jaxport differences lists all"
    )


def names_of(row: AnyRow) -> list[str]:
    """The names that a row speaks of, torch's first."""
    if isinstance(row, OptimizerRow):
        return [optimizer_name(row), *optimizer_names(row)]
    ours = [reference_name(code) for code in row.reference]
    theirs = [name for port in row.ports if port.plain for name in port_names(port.plain)]
    return [*ours, *theirs, *(other for name in theirs for other in same_elsewhere(name))]


def run_rows(rows: Iterable[Grouped], say: Callable[[str], None] = lambda text: None) -> list[Difference]:
    """Run ``rows``; those that this version of torch has none of are left out, and one that cannot be run says so."""
    made = []
    for group, row in rows:
        say(f"{group}: {names_of(row)[0]}")
        try:
            one = optimizer_difference(row, group) if isinstance(row, OptimizerRow) else difference(row, group)
        except Exception as error:
            swallowed(error)
            one = Difference(
                {names_of(row)[0]: {}}, group, (), (), "", False, {}, f"cannot be run: {in_one_line(error, SAID)}"
            )
        if one is not None:
            made.append(one)
    return made


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _plain(name: str) -> str:
    return _last(name).lower().replace("_", "")
