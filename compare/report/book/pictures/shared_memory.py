"""Pictures of memory: what shares it, how it is walked, and what writes to it."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.graph import Edge, Graph, Node
from compare.report.book.drawing.strips import Strip, Strips
from compare.report.book.pictures.asked import both, numbers, roughly

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport


def views(report: "LessonReport") -> Picture:
    """Memory after the write, and the places that a permuted view's strides lead to."""
    run = report.reference
    shape = run["shapes"]["permuted"]  # type: ignore[index]
    strides = run["strides"]["permuted"]  # type: ignore[index]
    places = [int(np.dot(index, strides)) for index in np.ndindex(*shape)]
    cells = [str(place) for place in range(len(places))]
    before = numbers(report.entered["image"]).reshape(-1)
    changed = [
        np.flatnonzero(numbers(of["image after a write to flat"]).reshape(-1) != before).tolist()
        for _, of in both(report)
    ]
    steps = ", ".join(map(str, strides))
    shared = report.port["shares memory"]
    assert isinstance(shared, dict)
    return Picture(
        caption=f"Twelve numbers by their place in memory. In torch a view reads them with other strides, here "
        f"({steps}): neighbours lie {strides[-1]} places apart, no single stride leads through all, and view(-1) "
        "refuses. A write through flat (marked) shows in the image and in every view. In JAX each result has a memory "
        "of its own (dashed), and the image keeps its number.",
        drawings=[
            Strips(
                kind="strips",
                side="torch",
                title="One memory, walked in two orders",
                strips=[
                    Strip(name="memory of image, flat and permuted", cells=cells, marked=changed[0]),
                    Strip(
                        name="permuted, in its own order",
                        cells=[cells[place] for place in places],
                        marked=[at for at, place in enumerate(places) if place in changed[0]],
                    ),
                ],
                links=[(0, place, at) for at, place in enumerate(places)],
                steps=[(0, places[0], places[1], f"stride {strides[-1]}")],
            ),
            Strips(
                kind="strips",
                side="jax",
                title="A memory for each result",
                strips=[
                    Strip(name="image", cells=cells, marked=changed[1]),
                    Strip(name="flat, after .at[0].set", cells=cells, marked=[0], own=not shared["flat"]),
                    Strip(name="permuted", cells=[cells[place] for place in places], own=not shared["permuted"]),
                ],
            ),
        ],
    )


def bridge(report: "LessonReport") -> Picture:
    """What stands on NumPy's memory, by the addresses of the run."""
    drawings = []
    for side, run in both(report):
        sharing = run["from NumPy, sharing"]
        assert isinstance(sharing, dict)
        copied = "torch.tensor" if side == "torch" else "jnp.array"
        rows = [
            (copied, bool(run["a copy shares memory"])),
            *((name, bool(shares)) for name, shares in sharing.items()),
        ]
        nodes = [Node(name="numpy", text="NumPy", note="its memory", at=(-0.25, (len(rows) - 1) / 2), strong=True)]
        nodes += [
            Node(
                name=name,
                text=name,
                at=(0.95, place),
                note="the same memory" if shares else "a copy",
                shape="box" if shares else "dashed",
            )
            for place, (name, shares) in enumerate(rows)
        ]
        edges = [Edge(begin="numpy", end=name, dashed=not shares) for name, shares in rows]
        title = "from NumPy: all but one call share" if side == "torch" else "from NumPy: it depends on the address"
        drawings.append(
            Graph(kind="graph", side=side, title=title, columns=2, nodes=nodes, edges=edges, row=52.0, across=True)
        )
    return Picture(
        caption="A solid arrow: the result stands on NumPy's memory, so a later write by NumPy shows in it. Dashed: it "
        "is a copy. In JAX the same call does either, by whether the buffer's address divides by 64 (aligned).",
        drawings=drawings,
    )


def in_place(report: "LessonReport") -> Picture:
    """What the tape keeps of an activation that is changed in place, by the run's own count of changes."""
    versions = report.reference["versions of a1"]
    refused, gone = (
        bool(run[name]) for run, name in ((report.reference, "backward refuses"), (report.port, "donated"))
    )
    moved = bool(report.port["stepped where it stood"])
    return Picture(
        caption="torch counts each change of a tensor. The tape kept a1 as the first ReLU left it, finds version "
        f"{versions}, and refuses to go backward. In JAX the second ReLU is another array, and only a donated array is "
        "written over: the caller has none afterwards.",
        drawings=[
            Graph(
                kind="graph",
                side="torch",
                title="a1.relu_() changes what the tape needs",
                columns=2,
                nodes=[
                    Node(name="product", text="x @ w", at=(0, 0), shape="round"),
                    Node(name="a1", text="a1 = relu(...)", note="version 0", at=(0, 1.1)),
                    Node(
                        name="changed", text="a1, the same memory", note=f"version {versions}", at=(0, 2.4), strong=True
                    ),
                    Node(name="tape", text="the tape keeps a1", note="expects version 0", at=(1, 1.1), shape="dashed"),
                    Node(
                        name="backward",
                        text="backward" if not refused else "backward raises",
                        note=f"0 is not {versions}",
                        at=(1, 2.4),
                        shape="round",
                    ),
                ],
                edges=[
                    Edge(begin="product", end="a1"),
                    Edge(begin="a1", end="changed", text="relu_()"),
                    Edge(begin="a1", end="tape", dashed=True),
                    Edge(begin="tape", end="backward", cut=refused),
                ],
            ),
            Graph(
                kind="graph",
                side="jax",
                title="New arrays, and one given away",
                columns=2,
                nodes=[
                    Node(name="product", text="x @ w", at=(0, 0), shape="round"),
                    Node(name="a1", text="a1 = relu(...)", note="kept as it is", at=(0, 1.1)),
                    Node(name="new", text="relu(a1)", note="another array", at=(0, 2.4)),
                    Node(name="w", text="w", note="deleted" if gone else "kept", at=(1, 0), shape="dashed"),
                    Node(name="step", text="jit(step)", note="donate_argnums=0", at=(1, 1.1), shape="round"),
                    Node(
                        name="stepped",
                        text="w after the step",
                        note="where w stood" if moved else "elsewhere",
                        at=(1, 2.4),
                        strong=True,
                    ),
                ],
                edges=[
                    Edge(begin="product", end="a1"),
                    Edge(begin="a1", end="new"),
                    Edge(begin="w", end="step"),
                    Edge(begin="step", end="stepped"),
                ],
            ),
        ],
    )


def image_layouts(report: "LessonReport") -> Picture:
    """Where each number of a small image goes when the channels go last."""
    first, last = (report.reference[f"{name} flattened"] for name in ("NCHW", "NHWC"))
    assert isinstance(first, list)
    assert isinstance(last, list)
    names = [f"{'RGB'[place // 4]}{place % 4 + 1}" for place in first]
    links = [(0, place, at) for at, place in enumerate(last)]
    wrong, logits, mended = (
        numbers(report.reference[name]) for name in ("NHWC into the NCHW head", "logits", "NHWC into the moved head")
    )
    off, back = (float(np.abs(one - logits).max()) for one in (wrong, mended))
    return Picture(
        caption="One image of 2 x 2 pixels, flattened: torch's layers keep a channel together, Flax's a pixel. A head "
        f"made for the one order and fed the other gives logits that are off by up to {off:.2g}; with its rows moved "
        f"along the same lines they agree to {roughly(back)}. PyTorch and JAX flatten alike.",
        drawings=[
            Strips(
                kind="strips",
                side="plain",
                title="Twelve numbers in two orders",
                strips=[
                    Strip(name="channels first (NCHW)", cells=names, marked=[0, 4, 8]),
                    Strip(name="channels last (NHWC)", cells=[names[place] for place in last], marked=[0, 1, 2]),
                ],
                links=links,
            )
        ],
    )
