"""Of a port that was run on a mesh, for a person: what lay where, leaves that are alike folded into one line."""

from collections.abc import Iterator

from rich.console import Console

from compare.report.contract import MeshForm
from compare.report.folded import folded
from compare.report.pieces import INDENT, paragraph

UNUSED = (
    "the axis {} is used by nothing: no leaf and no input is spread over it, and no operation names it; annotate the "
    "port, or give its pair sharding="
)


def show_mesh(mesh: MeshForm, out: Console) -> None:
    """The mesh, each layout, the collectives, and axes that nothing uses."""
    for place, text in enumerate(mesh_lines(mesh)):
        out.print(paragraph("mesh" if not place else "", text))


def mesh_lines(mesh: MeshForm) -> Iterator[str]:
    """A text for each line of the report."""
    yield f"{mesh['axes']}, {mesh['devices']}, the port compiled for all of them together"
    for kind in folded(((path,), layout) for path, layout in mesh["leaves"].items()):
        count = f" ({len(kind.names)} leaves)" if len(kind.names) > 1 else ""
        yield f"{INDENT}{kind.shown[0]}: {kind.text}{count}"
    for name, layout in mesh["inputs"].items():
        yield f"{INDENT}input.{name}: {layout}"
    counts = ", ".join(f"{count:,} {kind}" for kind, count in mesh["collectives"].items())
    yield f"collectives in one call for outputs and gradients: {counts or 'none, nothing goes between devices'}"
    yield from (UNUSED.format(axis) for axis in mesh["unused"])
