"""Pictures of dtypes and of shapes."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.bars import Bar, Bars
from compare.report.book.drawing.canvas import Side
from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.pictures.asked import both, nested, numbers, on_the_cpu, single, told, written

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

ASKED = {
    "whole numbers": "arange(6)",
    "from NumPy's float64": "from NumPy's float64",
    "float64 asked for": "float64, asked for by name",
}
LARGE = "from NumPy's 2**31 + 1"
PAIRS = 6  # rows of a batch whose shapes do not fit


def anatomy(report: "LessonReport") -> Picture:
    """The bits that a number gets, from the dtype's own name."""
    named = [
        ("a list of floats", {side: str(run["floats"][1]) for side, run in both(report)}),  # type: ignore[index]
        *((text, {side: str(run[name]) for side, run in both(report)}) for name, text in ASKED.items()),
    ]
    bars = [
        Bar(group=text, side=side, value=float(np.dtype(dtypes[side]).itemsize * 8), told=dtypes[side])
        for text, dtypes in named
        for side, _ in both(report)
    ]
    large = [f"{single(run[LARGE]):,.0f}".replace("-", "\N{MINUS SIGN}") for _, run in both(report)]
    return Picture(
        caption=f"Bits of a number by default. Floats are alike; everything wider is halved by JAX, and 2**31 + 1 from "
        f"NumPy, which is {large[0]} in torch, comes out as {large[1]}.",
        drawings=[Bars(kind="bars", side="plain", title="How wide a number is", bars=bars)],
    )


def broadcasting(report: "LessonReport") -> Picture:
    """Which bias lands in which cell, on the sums of the run."""
    bias = numbers(report.entered["bias"])
    texts = [told(one, 0) for one in bias]
    added, down = (numbers(report.reference[name]) for name in ("added", "down the rows"))
    across = np.broadcast_to(bias, added.shape)
    along = np.broadcast_to(bias[:, None], down.shape)
    return Picture(
        caption="Each cell is the sum; the deeper its shade, the larger the bias that was added to it. Beside or above "
        "the cells stands the bias. Both fit a square table, nothing is raised, and the sums are not the same. PyTorch "
        "and JAX agree on both.",
        drawings=[
            Cells(
                kind="cells",
                side="plain",
                title="table + bias: one bias for each column",
                values=nested(across),
                texts=written(added),
                columns=[f"+{text}" for text in texts],
            ),
            Cells(
                kind="cells",
                side="plain",
                title="table[:3] + bias[:, None]: one bias for each row",
                values=nested(along),
                texts=written(down),
                rows=[f"+{text}" for text in texts],
            ),
        ],
    )


def shapes(_: "LessonReport") -> Picture:
    """The lesson's own function on an image of numbered pixels, beside a reshape to the same shape."""
    import torch

    from torchref.tensors import shapes as ways

    image = torch.arange(12.0).reshape(1, 3, 2, 2)
    pixels = ways(image)[2][0].numpy()
    names = np.array([f"{'RGB'[channel]}{place}" for channel in range(3) for place in range(1, 5)])
    drawings = [
        Cells(
            kind="cells",
            side="plain",
            title=title,
            values=nested(places // 4),
            texts=names[places.astype(int)].tolist(),
            rows=[f"token {place}" for place in range(1, 5)],
            ends=(0.0, 2.0),
        )
        for title, places in (
            ("Axes exchanged: each token is one pixel", pixels),
            ("reshape alone: the same shape, (4, 3)", image.reshape(4, 3).numpy()),
        )
    ]
    return Picture(
        caption="An image of 3 channels and 2 x 2 pixels as a sequence of tokens. R1 is the red of pixel 1; each "
        "channel has its shade. With a reshape alone the first token is three neighbours of the red channel, and "
        "nothing is raised, in either framework.",
        drawings=drawings,
    )


def shape_errors(report: "LessonReport") -> Picture:
    """The lesson's own functions on a few more images: all differences that the stray axis makes."""
    import jax.numpy as jnp
    import torch

    import jaxport.tensors
    import torchref.tensors

    rng = np.random.default_rng(0)
    images = rng.standard_normal((PAIRS, *report.entered["images"].shape[1:])).astype(np.float32)
    head = np.array(report.entered["head"])
    with on_the_cpu():
        reference = torchref.tensors.shape_errors(torch.tensor(images), torch.tensor(head))
        port = jaxport.tensors.shape_errors(jnp.array(images), jnp.array(head))
    names = [str(place) for place in range(1, PAIRS + 1)]
    made: tuple[tuple[Side, np.ndarray], ...] = (("torch", reference[1].numpy()), ("jax", np.asarray(port[1])))
    drawings = [
        Cells(
            kind="cells",
            side=side,
            title=f"(N, 1) minus (N,), N = {PAIRS}: {np.size(crossed)} differences",
            values=nested(np.abs(crossed)),
            texts=written(crossed, 1),
            rows=names,
            columns=names,
            x="target",
            y="prediction",
            outlined=[(place, place) for place in range(PAIRS)],
        )
        for side, crossed in made
    ]
    return Picture(
        caption=f"Every prediction minus every target. Only the {PAIRS} outlined differences were wanted; a mean over "
        "all of them is a loss like any other, and neither framework says a word.",
        drawings=drawings,
    )
