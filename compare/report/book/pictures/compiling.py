"""Pictures of compiling: when it pays, and how often it is done."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.graph import Edge, Graph, Node
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import on_the_cpu, single
from compare.report.book.pictures.timed_and_counted import programs_after_each, step_seconds

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

SIZES = (2, 3, 4, 5)  # as the lesson's
STEPS = [10**power for power in range(5)]


def compile(report: "LessonReport") -> Picture:
    """Seconds that so many steps take, compiling included, from a few calls timed; and what a body's list became."""
    first, later, each = step_seconds(report.entered)
    crossing = (first - later) / (each - later) if each > later else 0.0
    told = f"here after about {crossing:,.0f} steps" if crossing > 1 else "though not in this run"
    notes = [single(run["notes of three calls"]) for run in (report.reference, report.port)]
    series = [
        Series(name="operation by operation", side="plain", points=[(float(n), n * each) for n in STEPS], mark="cross"),
        Series(
            name="jax.jit: compiled at the first step",
            side="jax",
            points=[(float(n), first + (n - 1) * later) for n in STEPS],
            dashed=True,
        ),
    ]
    nodes, edges = [], []
    for column, (name, count) in enumerate(zip(("torch.compile", "jax.jit"), notes, strict=True)):
        nodes.append(Node(name=name, text=name, at=(column, 0), shape="round"))
        for call in range(3):
            noted = call < count
            nodes.append(
                Node(
                    name=f"{name} {call}",
                    text=f"call {call + 1}",
                    at=(column, call + 1),
                    shape="box" if noted else "dashed",
                    note="appends to the list" if noted else "appends nothing",
                    strong=noted,
                )
            )
            edges.append(Edge(begin=name if not call else f"{name} {call - 1}", end=f"{name} {call}"))
    return Picture(
        caption=f"Compiling is paid once and comes back with every step, {told}: timed when this page was built, with "
        "a step far too small to judge speed by. And what a body does to a list: torch.compile does it at each call, "
        "jax.jit while it traces and never again.",
        drawings=[
            Lines(
                kind="lines",
                side="jax",
                title="Time of so many steps, compiling included",
                x="steps",
                y="seconds",
                series=series,
                log_x=True,
                log_y=True,
            ),
            Graph(
                kind="graph",
                side="plain",
                title='notes.append("called") in the compiled body',
                columns=2,
                nodes=nodes,
                edges=edges,
                row=58.0,
            ),
        ],
    )


def recompilation(report: "LessonReport") -> Picture:
    """Programs made up to each call, counted while the lesson's own functions run."""
    import jax.numpy as jnp
    import torch

    import jaxport.compiled
    import torchref.compiled
    from compare.lessons.judged import counted_jax, counted_torch

    rows = np.array(report.entered["rows"])
    with on_the_cpu():
        with counted_torch.compiled() as compile:
            default = programs_after_each(
                torchref.compiled.recompilation, torch.tensor(rows), compile, compile.graphs.total
            )
        ported = counted_jax.Compiled()
        per_shape = programs_after_each(jaxport.compiled.recompilation, jnp.array(rows), ported, ported.programs.total)
    one = single(report.port["a program for all"])
    series = [
        Series(name="jax.jit: one for each shape", side="jax", dashed=True, points=_points(per_shape)),
        Series(name="torch.compile: the second is for all", side="torch", points=_points(default)),
        Series(
            name="one for all, where asked for",
            side="plain",
            mark="cross",
            dashed=True,
            points=[(float(size), one) for size in SIZES],
        ),
    ]
    return Picture(
        caption="Programs compiled after calls with 2, 3, 4 and 5 rows. torch makes the size variable when a second "
        "one comes; JAX compiles for each shape; padding, or dynamic=True, makes one do.",
        drawings=[
            Lines(
                kind="lines",
                side="plain",
                title="Programs so far",
                x="rows of the batch",
                y="programs",
                series=series,
                from_zero=True,
            )
        ],
    )


def _points(counts: list[int]) -> list[tuple[float, float]]:
    return [(float(size), float(count)) for size, count in zip(SIZES, counts, strict=True)]
