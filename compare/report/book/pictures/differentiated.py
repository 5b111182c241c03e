"""Pictures of what is differentiated: the tape, the function, the derivatives by hand, and a cut."""

from typing import TYPE_CHECKING, Any

import numpy as np

from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.graph import Edge, Graph, Node
from compare.report.book.pictures.asked import both, numbers, on_the_cpu, roughly

if TYPE_CHECKING:
    from compare.arrays.arrays import Arrays
    from compare.lessons.run import LessonReport

WEIGHTS = ("W1", "b1", "W2", "b2")
MOVED = ("transpose", "broadcast_in_dim")  # operations that only lay an array out


def tape(report: "LessonReport") -> Picture:
    """The tape as torch wrote it, walked from the loss; and the program that JAX traces of the same function."""
    with on_the_cpu():
        walked, traced = _walked(report.entered), _traced(report.entered)
    last = max(len(walked), len(traced)) + 1
    nodes = [
        Node(name="x", text="x has no gradient", at=(0, 0), shape="bare"),
        Node(name="loss", text="loss", at=(0, last)),
    ]
    edges = []
    for place, (name, leaf) in enumerate(reversed(walked), 1):
        nodes.append(Node(name=f"{place}", text=name, at=(0, place), shape="round"))
        edges.append(Edge(begin="loss" if place == len(walked) else f"{place + 1}", end=f"{place}"))
        if leaf:
            nodes.append(Node(name=leaf, text=f"{leaf}.grad", at=(1.1, place), shape="dashed", strong=True))
            edges.append(Edge(begin=f"{place}", end=leaf))
    program = [Node(name="x", text="x", at=(0, 0)), Node(name="loss", text="loss", at=(0, last))]
    steps = [Edge(begin=f"{len(traced)}", end="loss")]
    for place, (name, given) in enumerate(traced, 1):
        program.append(Node(name=f"{place}", text=name, at=(0, place), shape="round"))
        steps.append(Edge(begin="x" if place == 1 else f"{place - 1}", end=f"{place}"))
        if given:
            program.append(Node(name=given, text=given, at=(1.1, place)))
            steps.append(Edge(begin=given, end=f"{place}"))
    program.append(
        Node(name="grads", text="a gradient for each", note="returned by jax.grad", at=(1.05, last), strong=True)
    )
    steps.append(Edge(begin="loss", end="grads", dashed=True))
    return Picture(
        caption="torch, from the loss up: the tape that this run wrote, each node a backward formula, walked by "
        "backward() until it ends in a leaf's .grad. JAX, from x down: the operations of the same function, from which "
        "jax.grad makes another function. What stands on one level belongs together.",
        drawings=[
            Graph(kind="graph", side="torch", title="The tape", columns=2, nodes=nodes, edges=edges, row=50.0),
            Graph(kind="graph", side="jax", title="The function", columns=2, nodes=program, edges=steps, row=50.0),
        ],
    )


def by_hand(report: "LessonReport") -> Picture:
    """The chain of the six derivatives, with what the written ones are off by."""
    drawings = []
    for side, run in both(report):
        shapes = {name: numbers(run[f"{name} by hand"]).shape for name in WEIGHTS}
        off = {
            name: float(np.abs(numbers(run[f"{name} by hand"]) - numbers(run[f"{name} derived"])).max())
            for name in WEIGHTS
        }
        nodes = [
            Node(name="loss", text="loss", at=(0, 0)),
            Node(name="dz2", text="dz2", note="(p \N{MINUS SIGN} one_hot) / n", at=(0, 1.5), shape="round"),
            Node(name="dz1", text="dz1", note="(dz2 W2) · (z1 > 0)", at=(0, 3.5), shape="round"),
            *(
                Node(
                    name=name,
                    text=f"d{name} {shapes[name]}".replace(",)", ")"),
                    note=f"off by {roughly(off[name])}",
                    at=(1.12, row),
                    strong=True,
                )
                for row, name in enumerate(("W2", "b2", "W1", "b1"), 1)
            ),
        ]
        edges = [Edge(begin="loss", end="dz2"), Edge(begin="dz2", end="dz1")]
        edges += [Edge(begin="dz2", end=name, aside=True) for name in ("W2", "b2")]
        edges += [Edge(begin="dz1", end=name, aside=True) for name in ("W1", "b1")]
        title = "By hand, beside autograd" if side == "torch" else "By hand, beside jax.grad"
        drawings.append(Graph(kind="graph", side=side, title=title, columns=2, nodes=nodes, edges=edges, row=54.0))
    return Picture(
        caption="From the loss back to the four parameters. dz2 is the loss's derivative by the logits, dz1 the one by "
        "what enters the ReLU; each gradient is made of one of the two. Below it stands how far it is, at most, from "
        "the one that the framework derived by itself, in this run's float32.",
        drawings=drawings,
    )


def detach(report: "LessonReport") -> Picture:
    """Where the derivative ends, what arrives before the cut, and what is kept."""
    drawings = []
    for side, run in both(report):
        first = run["gradient of W1"]
        head = numbers(run["gradient of W3"])
        before = "None" if first is None else f"zeros {numbers(first).shape}"
        after = f"{head.shape}, norm {np.linalg.norm(head):.2f}"
        kept, cut = (f"{run[name]:,} bytes kept" for name in ("bytes kept", "bytes kept with the cut"))
        drawings.append(
            Graph(
                kind="graph",
                side=side,
                columns=2,
                row=58.0,
                title="detach() ends the tape" if side == "torch" else "stop_gradient makes the derivative zero",
                nodes=[
                    Node(name="loss", text="loss", note=f"{cut}", at=(0, 0)),
                    Node(name="uncut", text="without the cut", note=kept, at=(1.05, 0), shape="bare"),
                    Node(name="head", text="features @ W3", at=(0, 1.1), shape="round"),
                    Node(name="W3", text="gradient of W3", note=after, at=(1.05, 1.1), strong=True),
                    Node(name="two", text="tanh(... W2)", at=(0, 2.4), shape="round"),
                    Node(
                        name="W2",
                        text="gradient of W2",
                        note="None" if first is None else f"zeros {report.entered['W2'].shape}",
                        at=(1.05, 2.4),
                        shape="dashed",
                    ),
                    Node(name="one", text="tanh(x W1)", at=(0, 3.3), shape="round"),
                    Node(name="W1", text="gradient of W1", note=before, at=(1.05, 3.3), shape="dashed"),
                ],
                edges=[
                    Edge(begin="loss", end="head"),
                    Edge(begin="head", end="W3"),
                    Edge(begin="head", end="two", cut=True, text="the cut"),
                    Edge(begin="two", end="one", dashed=True),
                    Edge(begin="two", end="W2", dashed=True),
                    Edge(begin="one", end="W1", dashed=True),
                ],
            )
        )
    return Picture(
        caption="The way back from the loss. Beyond the cut nothing arrives: torch leaves .grad as None, JAX returns "
        "zeros. And less is kept for the way back.",
        drawings=drawings,
    )


def _walked(entered: "Arrays") -> list[tuple[str, str]]:
    """The tape's nodes from the loss on, along its longest way; beside each the leaf that it leads to by itself."""
    import torch

    from torchref.autograd import loose_mlp
    from torchref.losses import cross_entropy

    params = {name: torch.tensor(entered[name]).requires_grad_() for name in WEIGHTS}
    names = {id(param): name for name, param in params.items()}
    loss = cross_entropy(loose_mlp(params, torch.tensor(entered["x"])), torch.tensor(entered["y"]))
    chain, node = [], loss.grad_fn
    while node is not None:
        found = sorted((way for way, _ in node.next_functions if way is not None), key=_depth)
        leaves = [names[id(leaf)] for leaf in map(_leaf, found) if leaf is not None]
        chain.append((type(node).__name__, leaves[0] if leaves else ""))
        node = found[-1] if found and _leaf(found[-1]) is None else None
    return chain


def _depth(node: Any) -> int:
    return 1 + max((_depth(way) for way, _ in node.next_functions if way is not None), default=0)


def _leaf(node: Any) -> object | None:
    """The leaf at the end of a way that has no fork and no other operation than a transpose."""
    while node is not None and not hasattr(node, "variable"):
        if not type(node).__name__.startswith("TBackward"):
            return None
        node = node.next_functions[0][0]
    return None if node is None else node.variable


def _traced(entered: "Arrays") -> list[tuple[str, str]]:
    """The operations of the same function as JAX traces them, and the parameter that each is given."""
    import jax
    import jax.numpy as jnp

    from jaxport.autograd import loose_mlp

    params = {name: jnp.array(entered[name]) for name in WEIGHTS}
    program = jax.make_jaxpr(loose_mlp)(params, jnp.array(entered["x"])).jaxpr
    named = dict(zip(map(id, program.invars), sorted(WEIGHTS), strict=False))
    chain = []
    for equation in program.eqns:
        given = [named[id(one)] for one in equation.invars if id(one) in named]
        name = equation.primitive.name
        if name in MOVED:
            named |= {id(one): given[0] for one in equation.outvars if given}
        else:
            chain.append((_called(equation), given[0] if given else ""))
    return [*chain, ("cross_entropy", "")]


def _called(equation: Any) -> str:
    """What an operation is called, or the function that it calls."""
    inner = equation.params.get("call_jaxpr")
    if inner is not None and len(inner.eqns) == 1:
        return _called(inner.eqns[0])
    return str(equation.params.get("name", equation.primitive.name))
