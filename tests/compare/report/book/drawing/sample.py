"""A picture with a drawing of every kind, its texts as long as those of the lessons' get."""

from compare.report.book.drawing.bars import Bar, Bars
from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.graph import Edge, Graph, Node
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.drawing.strips import Strip, Strips
from compare.report.book.drawing.timeline import Span, Timeline, Track

PLACES = [str(place) for place in range(12)]
SPANS = [Span(begin=at, end=at + 1, text=str(at), filled=True) for at in range(18)]
EVERY_KIND = Picture(
    caption="A drawing of every kind, with `.grad` in its caption.",
    drawings=[
        Lines(
            kind="lines", title="Norm of the gradient", side="plain", x="step", y="norm", log_y=True,
            levels=[(5.0, "clipped at 5")],
            series=[
                Series(name="PyTorch: applied, never zeroed", side="torch", points=[(1.0, 1e-6), (10000.0, 2.0)]),
                Series(name="JAX: the step's own", side="jax", points=[(1.0, 9.0), (10000.0, 1.0)], dashed=True),
            ],
        ),
        Bars(
            kind="bars", title="Bytes kept", side="plain",
            bars=[Bar(group="all", side=side, value=2.0, told="450,560 bytes") for side in ("torch", "jax")],
        ),
        Cells(
            kind="cells", title="The weights", side="torch",
            values=[[0.0, 1.0], [None, 0.5]], texts=[["0.00", "1.00"]] * 2,
            rows=["step 1", "w2"], columns=["w1", "H v"], x="key", y="query", outlined=[(0, 0)],
        ),
        Cells(kind="cells", title="A surface", side="plain", values=[[0.0, 0.5, 1.0]] * 3, key="loss, in nats"),
        Strips(
            kind="strips", title="One memory, walked in two orders", side="jax",
            strips=[Strip(name="memory", cells=PLACES, marked=[0]), Strip(name="view", cells=PLACES, own=True)],
            links=[(0, 1, 6)], steps=[(0, 0, 6, "stride 6")],
        ),
        Graph(
            kind="graph", title="The tape", side="torch", columns=2,
            nodes=[
                Node(name="a", text="LogSoftmaxBackward0", at=(0, 0), shape="round"),
                Node(name="b", text="W1.grad", note="(128, 784): 100,352", at=(1, 0.2), strong=True),
                Node(name="c", text="backward raises", at=(0, 1.4), shape="dashed"),
            ],
            edges=[Edge(begin="a", end="b"), Edge(begin="a", end="c", cut=True, text="the cut", dashed=True)],
        ),
        Timeline(
            kind="timeline", title="The order of work", side="jax",
            tracks=[Track(name="forward", spans=SPANS)],
        ),
    ],
)  # fmt: skip
