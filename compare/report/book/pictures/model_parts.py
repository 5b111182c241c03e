"""Pictures of a module's parameters, of what they start from, and of what the loss makes of logits."""

from math import prod
from typing import TYPE_CHECKING, cast

import numpy as np

from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.graph import Edge, Graph, Node
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, nested, on_the_cpu, single

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

FAN_IN, OUTPUTS = 784, 128  # as the lesson's
BINS = 24
LOGITS = np.linspace(-6, 6, 25)


def module(report: "LessonReport") -> Picture:
    """Each side's tree of parameters, by the run's inventory."""
    drawings = []
    for side, run in both(report):
        inventory = cast("dict[str, tuple[int, ...]]", run["inventory"])
        layers = list(dict.fromkeys(name.rsplit(".", 1)[0] for name in inventory))
        middle = (len(inventory) - 1) / 2
        nodes = [Node(name="model", text="MLP", at=(-0.15, middle), strong=True)]
        edges = []
        for layer in layers:
            own = [place for place, name in enumerate(inventory) if name.startswith(f"{layer}.")]
            nodes.append(Node(name=layer, text=layer, at=(0.62, sum(own) / len(own)), shape="round"))
            edges.append(Edge(begin="model", end=layer))
        for place, (name, shape) in enumerate(inventory.items()):
            layer, leaf = name.rsplit(".", 1)
            told = f"{shape}".replace(",)", ")")
            nodes.append(Node(name=name, text=leaf, note=f"{told}: {prod(shape):,}", at=(1.8, place)))
            edges.append(Edge(begin=layer, end=name))
        title = f"{run['parameters']:,} parameters; {run['parameters in a plain list']:,} in a plain list"
        drawings.append(
            Graph(kind="graph", side=side, title=title, columns=3, nodes=nodes, edges=edges, row=54.0, across=True)
        )
    return Picture(
        caption="The same layers, found under other names, and each weight lying the other way round: torch (outputs, "
        "inputs), Flax (inputs, outputs). Layers kept in a plain list are seen by Flax Linen and not by torch.",
        drawings=drawings,
    )


def initialisers(report: "LessonReport") -> Picture:
    """How the weights that the lesson's functions draw are spread, and the run's bounds."""
    import jax
    import torch

    import jaxport.modules
    import torchref.modules

    with on_the_cpu():
        weight, _, flax = torchref.modules.initialisers(FAN_IN, OUTPUTS, torch.Generator().manual_seed(0))
        torch_too, _, own = jaxport.modules.initialisers(FAN_IN, OUTPUTS, jax.random.key(0))
    bound = single(report.reference["Flax: bound"])
    edges = np.linspace(-bound, bound, BINS + 1)

    def spread(drawn: object) -> list[tuple[float, float]]:
        share = np.histogram(np.asarray(drawn), edges)[0] / (FAN_IN * OUTPUTS)
        return [(float(at), float(100 * one)) for at, one in zip((edges[1:] + edges[:-1]) / 2, share, strict=True)]

    drawings = [
        Lines(
            kind="lines",
            side="plain",
            title=title,
            x="weight",
            y="% of the weights",
            from_zero=True,
            series=[
                Series(name="drawn by PyTorch", side="torch", points=spread(drawn)),
                Series(name="drawn by JAX", side="jax", dashed=True, points=spread(other)),
            ],
        )
        for title, drawn, other in (
            ("torch's default: uniform", weight.numpy(), torch_too),
            ("Flax's default: a normal, cut", flax.numpy(), own),
        )
    ]
    deviations = [single(report.reference[f"{name}: standard deviation"]) for name in ("torch", "Flax")]
    return Picture(
        caption=f"{FAN_IN * OUTPUTS:,} weights of a layer with {FAN_IN} inputs, drawn when this page was built. Each "
        f"default, asked for by name, is the same in both frameworks; Flax's is {deviations[1] / deviations[0]:.2f} "
        "times as wide as torch's.",
        drawings=drawings,
    )


def raw_logits(report: "LessonReport") -> Picture:
    """The loss over two of ten logits, with one softmax and with two, by the lesson's own losses."""
    import torch

    from torchref.losses import cross_entropy, softmax_twice

    right, other = np.meshgrid(LOGITS, LOGITS[::-1])
    logits = np.zeros((right.size, 10), np.float32)
    logits[:, 0], logits[:, 1] = right.reshape(-1), other.reshape(-1)
    label = torch.tensor([0])
    surfaces = [
        np.array([loss(torch.tensor(row[None]), label).item() for row in logits]).reshape(right.shape)
        for loss in (cross_entropy, softmax_twice)
    ]
    columns, rows = (
        [f"{one:.0f}".replace("-", "\N{MINUS SIGN}") if place % 6 == 0 else "" for place, one in enumerate(axis)]
        for axis in (LOGITS, LOGITS[::-1])
    )
    highest = float(surfaces[0].max())
    drawings = [
        Cells(
            kind="cells",
            side="plain",
            title=title,
            values=nested(np.digitize(surface, np.linspace(0, highest, 13)) / 13 * highest),
            columns=columns,
            rows=rows,
            x="logit of the right class",
            y="a wrong class's",
            ends=(0.0, highest),
            key="loss, in nats",
            flat=0.8,
        )
        for title, surface in zip(("From raw logits", "After a softmax too many"), surfaces, strict=True)
    ]
    lowest = single(report.reference["lowest loss, softmax twice"])
    better, worse = (100 * single(report.reference[name]) for name in ("accuracy", "accuracy, softmax twice"))
    return Picture(
        caption="The loss over two of ten logits, the others 0, both on one scale: see its two ends below. From raw "
        "logits it slopes wherever the guess is wrong. With a second softmax it is nearly flat and never falls below "
        f"{lowest:.2f}; on the digits the same steps end at {worse:.0f} % right instead of {better:.0f} %.",
        drawings=drawings,
    )
