"""Pictures of random numbers and of attention."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.strips import Strip, Strips
from compare.report.book.pictures.asked import nested, on_the_cpu, told

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport


def randomness(report: "LessonReport") -> Picture:
    """The numbers that the lesson's own functions draw, in the order in which they do."""
    import jax
    import jax.numpy as jnp
    import torch

    import jaxport.randomness
    import torchref.randomness

    drawn = np.array(report.entered["drawn"])
    with on_the_cpu():
        reference = torchref.randomness.randomness(torch.Generator().manual_seed(0), torch.tensor(drawn))
        port = jaxport.randomness.randomness(jax.random.key(0), jnp.array(drawn))
    names = {
        "torch": ("seed 3", "seed 3, one draw before", "a generator, first draw", "the same generator, again"),
        "jax": ("key(3)", "key(3), one draw before", "a key, first draw", "the same key, again"),
    }
    drawings = []
    for side, made in (("torch", reference), ("jax", port)):
        rows = [np.asarray(one) for one in made[:4]]
        strips = []
        for place, (name, row) in enumerate(zip(names[side], rows, strict=True)):
            before = rows[place - place % 2]
            strips.append(
                Strip(
                    name=name, cells=[told(one) for one in row], marked=[at for at in range(4) if row[at] != before[at]]
                )
            )
        title = "Each draw moves the state" if side == "torch" else "No draw changes a key"
        drawings.append(Strips(kind="strips", side="torch" if side == "torch" else "jax", title=title, strips=strips))
    return Picture(
        caption="Marked: numbers that are others than in the row above them. In torch a draw before, anywhere, moves "
        "all that follow, and a generator goes on; in JAX nothing moves, and a key used twice gives the same numbers "
        "twice. The two sides' numbers have nothing to do with each other.",
        drawings=drawings,
    )


def attention(report: "LessonReport") -> Picture:
    """The bias of both heads, and the weights that it leaves, by the lesson's own bias on its queries and keys."""
    import torch

    from torchref.attention import distance_bias

    queries, keys, slopes = (torch.tensor(report.entered[name]) for name in ("queries", "keys", "slopes"))
    q, k = (one.transpose(1, 2)[0] for one in (queries, keys))
    bias = distance_bias(slopes, q.shape[1])
    weights = torch.softmax(q @ k.mT / q.shape[2] ** 0.5 + bias, dim=-1).numpy()
    names = [str(place) for place in range(1, q.shape[1] + 1)]
    drawings = []
    for head in range(len(slopes)):
        texts = [["" if not np.isfinite(one) else told(float(one), 2) for one in row] for row in bias[head].numpy()]
        drawings.append(
            Cells(
                kind="cells",
                side="plain",
                title=f"Head {head + 1}: the bias, \N{MINUS SIGN}{slopes[head].item():g} for each position back",
                values=nested(bias[head].numpy()),
                texts=texts,
                rows=names,
                columns=names,
                x="key",
                y="query",
                flat=0.62,
            )
        )
        drawings.append(
            Cells(
                kind="cells",
                side="plain",
                title=f"Head {head + 1}: the weights, each row of sum 1",
                values=[
                    [None if place > row else float(one) for place, one in enumerate(line)]
                    for row, line in enumerate(weights[head])
                ],
                texts=[
                    ["" if place > row else told(float(one), 2) for place, one in enumerate(line)]
                    for row, line in enumerate(weights[head])
                ],
                rows=names,
                columns=names,
                x="key",
                y="query",
                flat=0.62,
                ends=(0.0, 1.0),
            )
        )
    return Picture(
        caption="Crossed out: a key that comes after the query, which the mask forbids (a bias of minus infinity, so a "
        "weight of 0). The steeper the head's slope, the more of the weight stays near the diagonal. The numbers are "
        "the first sequence of this run's batch.",
        drawings=drawings,
    )
