"""Pictures of programs: what is in one, and what cannot be."""

from typing import TYPE_CHECKING

from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.graph import Edge, Graph, Node
from compare.report.book.pictures.asked import single

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport


def branches(report: "LessonReport") -> Picture:
    """The graphs of an if and the one program of where, by the run's counts."""
    graphs = int(single(report.reference["graphs as written"]))
    wholes = [int(single(run["programs by where"])) for run in (report.reference, report.port)]
    return Picture(
        caption=f"An if on a value: torch.compile made {graphs} graphs of it, and Python decides between them; jax.jit "
        f"raises while it traces. With where both branches stand in one program: {wholes[0]} in torch, {wholes[1]} in "
        "JAX, for both outcomes.",
        drawings=[
            Graph(
                kind="graph",
                side="torch",
                title=f"if x.sum() > 0: {graphs} graphs",
                columns=2,
                nodes=[
                    Node(name="sum", text="x.sum() > 0", note="graph 1", at=(0.5, 0), shape="round"),
                    Node(name="if", text="Python: if", note="the value is read", at=(0.5, 1.15), shape="dashed"),
                    Node(
                        name="then", text="x \N{MINUS SIGN} x.mean()", note="true: graph 2", at=(0, 2.3), shape="round"
                    ),
                    Node(name="else", text="x / 2", note="false: graph 3", at=(1, 2.3), shape="round"),
                ],
                edges=[Edge(begin="sum", end="if"), Edge(begin="if", end="then"), Edge(begin="if", end="else")],
            ),
            Graph(
                kind="graph",
                side="jax",
                title="if x.sum() > 0: no program",
                columns=2,
                nodes=[
                    Node(name="sum", text="x.sum() > 0", note="traced: no value yet", at=(0.5, 0), shape="round"),
                    Node(name="if", text="Python: if", note="raises", at=(0.5, 1.15), shape="dashed"),
                ],
                edges=[Edge(begin="sum", end="if", cut=True)],
            ),
            Graph(
                kind="graph",
                side="plain",
                title="where: one program, on both sides",
                columns=3,
                nodes=[
                    Node(name="sum", text="x.sum() > 0", at=(1, 0), shape="round"),
                    Node(name="then", text="x \N{MINUS SIGN} x.mean()", at=(0.05, 0.75), shape="round"),
                    Node(name="else", text="x / 2", at=(1.95, 0.75), shape="round"),
                    Node(name="where", text="where", note="keeps one of the two", at=(1, 1.75), strong=True),
                ],
                edges=[Edge(begin=name, end="where") for name in ("sum", "then", "else")],
            ),
        ],
    )


def export(report: "LessonReport") -> Picture:
    """What is inside either file, and what it is given and refuses."""
    inside = report.reference["arrays inside"]
    assert isinstance(inside, list)
    recorded = [f"{run['shape recorded']}" for run in (report.reference, report.port)]
    shorter = len(report.entered["inputs"]) - 1
    drawings = []
    for side, shape in zip(("torch", "jax"), recorded, strict=True):
        holds = side == "torch"
        nodes = [
            Node(name="input", text=f"inputs {shape}", at=(0, 0)),
            Node(name="fewer", text=f"{shorter} rows", note="refused", at=(0, 2.3), shape="dashed"),
            Node(
                name="file",
                text="the file: a program",
                note=f"with {', '.join(inside)}" if holds else "and no arrays",
                at=(1, 1),
                strong=True,
            ),
            Node(name="output", text="output", at=(1, 2.2)),
        ]
        edges = [
            Edge(begin="input", end="file", aside=True),
            Edge(begin="fewer", end="file", aside=True, cut=True),
            Edge(begin="file", end="output"),
        ]
        if not holds:
            nodes.append(Node(name="params", text="weight, bias", note="at each call", at=(0, 1)))
            edges.append(Edge(begin="params", end="file", aside=True))
        title = "The weights are inside" if holds else "The weights are arguments"
        drawings.append(
            Graph(
                kind="graph",
                side="torch" if holds else "jax",
                title=title,
                columns=2,
                nodes=nodes,
                edges=edges,
                row=60.0,
            )
        )
    return Picture(
        caption="Both files are bound to the shape that they were exported with, and refuse the last, smaller batch; a "
        "size named as a symbol is left open. Only torch's holds the weights.",
        drawings=drawings,
    )
