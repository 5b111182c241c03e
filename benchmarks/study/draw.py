"""Random architectures in four families, from one seeded NumPy generator; sizes are small and few."""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.study.network import Loss, Network, Op

WIDTHS = (6, 8, 12)
ACTIVATIONS = (
    "relu", "gelu", "gelu_tanh", "silu", "tanh", "sigmoid", "elu", "selu", "softplus", "mish", "hard_swish", "softsign",
    "leaky_relu",
)  # fmt: skip
EPSILONS = (1e-5, 1e-6, 1e-3)
LOSSES = ("cross_entropy", "mse", "huber", "bce")


class Draw:
    """Draws one network; counts its layers, so that names are the same on both sides."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.ops = rng, list[Op]()

    def one_of(self, choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def add(self, kind: str, name: str = "", **settings: Any) -> None:
        self.ops.append(Op(kind, f"{name}{len(self.ops)}" if name else "", settings))

    def dense(self, into: int, out: int) -> None:
        self.add("dense", "dense", into=into, out=out, bias=self.chance(0.85))

    def act(self) -> None:
        self.add("act", fn=self.one_of(ACTIVATIONS), slope=self.one_of((0.01, 0.1, 0.2)))

    def norm(self, width: int, styles: tuple[str, ...]) -> None:
        groups = self.one_of([count for count in (1, 2, 3) if width % count == 0])
        self.add(
            "norm", "norm", style=self.one_of(styles), width=width, eps=self.one_of(EPSILONS), groups=groups,
            fast=self.chance(0.3), island_reference=self.chance(0.3), island_port=self.chance(0.3),
        )  # fmt: skip

    def mlp(self) -> dict[str, Any]:
        rows, width = self.one_of((3, 4, 8)), self.one_of(WIDTHS)
        if self.chance(0.2):
            self.add("whiten", mean=0.45, std=0.225)
        into = first = self.one_of(WIDTHS)
        for _ in range(self.one_of((1, 1, 2))):
            residual = into == width and self.chance(0.5)
            if residual:
                self.add("push")
            self.dense(into, width)
            if self.chance(0.5):
                self.norm(width, ("layer", "layer", "batch", "rms", "group"))
            self.act()
            if self.chance(0.25):
                self.add("dropout", rate=self.one_of((0.1, 0.5)))
            if residual:
                self.add("add")
            into = width
        self.dense(into, self.one_of((3, 5)))
        return {"shape": (rows, first)}

    def conv(self) -> dict[str, Any]:
        spatial, channels = self.one_of((1, 2)), self.one_of((2, 4))
        sizes = [self.one_of((7, 8)), self.one_of((6, 8))][:spatial]
        shape = (self.one_of((2, 3)), channels, *sizes)
        for _ in range(self.one_of((1, 1, 2))):
            channels, sizes = self._conv(spatial, channels, sizes)
        if self.chance(0.6):
            self.add("flatten")
            features = channels * int(np.prod(sizes))
        else:
            self.add("mean", pixels=True)
            features = channels
        self.dense(features, 4)
        return {"shape": shape, "spatial": spatial}

    def _conv(self, spatial: int, channels: int, sizes: list[int]) -> tuple[int, list[int]]:
        kernel = self.one_of((1, 3, 3, 3)) if min(sizes) >= 3 else 1
        stride, dilation = self.one_of((1, 1, 2)), self.one_of((1, 1, 1, 2)) if min(sizes) >= 5 and kernel > 1 else 1
        padding = self.one_of((0, 1)) if kernel > 1 else 0
        groups, out = self.one_of([(1, 4), (1, 6), (2, 4), (channels, channels), (channels, 2 * channels)])
        circular = kernel == 3 and padding == 1 and stride == dilation == 1 and self.chance(0.25)
        self.add(
            "conv", "conv", into=channels, out=out, kernel=(kernel,) * spatial, stride=stride, padding=padding,
            dilation=dilation, groups=groups, bias=self.chance(0.8), circular=circular,
        )  # fmt: skip
        sizes = [(size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for size in sizes]
        if self.chance(0.6):
            self.norm(out, ("batch", "batch", "layer", "group"))
        self.act()
        if min(sizes) >= 3 and self.chance(0.4):
            window = 2
            step = self.one_of((1, 2))
            self.add("pool", style=self.one_of(("avg", "max")), window=window, stride=step, spatial=spatial)
            sizes = [(size - window) // step + 1 for size in sizes]
        return out, sizes

    def recurrent(self) -> dict[str, Any]:
        steps = self.one_of((4, 5))
        facts = self._tokens(steps, width := self.one_of(WIDTHS))
        kind = self.one_of(("lstm", "lstm", "gru"))
        for _ in range(self.one_of((1, 1, 1, 2))):
            hidden = self.one_of(WIDTHS)
            self.add(
                kind, kind, into=width, hidden=hidden, apart=self.chance(0.5), by_hand=kind == "gru" or self.chance(0.3)
            )
            width = hidden
        if self.chance(0.3):
            self.norm(width, ("layer", "rms"))
        self._head(width)
        return facts

    def transformer(self) -> dict[str, Any]:
        width = self.one_of((8, 12))
        heads = self.one_of((1, 2)) if width == 8 else self.one_of((1, 2, 3))
        facts = self._tokens(steps := self.one_of((4, 5)), width)
        rotary = (width // heads) % 2 == 0 and self.chance(0.4)
        if not rotary and self.chance(0.6):
            self.add("position", "pos", steps=steps, width=width)
        pre, styles = self.chance(0.65), self.one_of((("layer",), ("rms",)))
        bias, causal = self.chance(0.6), self.chance(0.6)
        for _ in range(self.one_of((1, 1, 1, 1, 2))):
            self._wrapped(width, styles, pre, lambda: self.add(
                "attention", "att", width=width, heads=heads, causal=causal, rotary=rotary, bias=bias,
                base=self.one_of((10000.0, 100.0)), fused=self.chance(0.5),
                island_reference=self.chance(0.3), island_port=self.chance(0.3),
            ))  # fmt: skip
            if self.chance(0.5):
                self._wrapped(width, styles, pre, lambda: self._feed_forward(width))
        if pre and self.chance(0.5):
            self.norm(width, styles)
        self._head(width)
        return facts

    def _wrapped(self, width: int, styles: tuple[str, ...], pre: bool, branch: Any) -> None:
        self.add("push")
        if pre:
            self.norm(width, styles)
        branch()
        self.add("add")
        if not pre:
            self.norm(width, styles)

    def _feed_forward(self, width: int) -> None:
        if self.chance(0.35):
            self.add("gated", "mlp", width=width, inner=16)
            return
        self.dense(width, 16)
        self.act()
        if self.chance(0.15):
            self.add("dropout", rate=0.1)
        self.dense(16, width)

    def _tokens(self, steps: int, width: int) -> dict[str, Any]:
        rows = self.one_of((2, 3))
        if self.chance(0.5):
            self.add("embed", "embed", vocabulary=11, width=width)
            if self.chance(0.3):
                self.add("times", by=float(np.sqrt(width)))
            return {"shape": (rows, steps), "vocabulary": 11}
        return {"shape": (rows, steps, width)}

    def _head(self, width: int) -> None:
        if pooled := self.one_of(("", "mean", "last")):
            self.add(pooled, pixels=False)
        self.dense(width, self.one_of((3, 5)))

    def loss(self) -> Loss | None:
        if self.chance(0.5):
            return None
        kind = self.one_of(LOSSES)
        setting = {"cross_entropy": self.one_of((0.0, 0.1)), "huber": self.one_of((0.5, 1.0))}.get(kind, 0.0)
        return Loss(kind, self.one_of(("mean", "mean", "sum")), setting)


FAMILIES = ("mlp", "conv", "recurrent", "transformer")


def draw(rng: np.random.Generator) -> Network:
    """A random network: architecture, loss, flavour of the port, mode, weight scale and batch."""
    one = Draw(rng)
    family = one.one_of((*FAMILIES, "mlp", "conv"))
    facts = getattr(one, family)()
    batch_norm = any(op.kind == "norm" and op["style"] == "batch" for op in one.ops)
    dropout = any(op.kind == "dropout" for op in one.ops)
    if facts.get("vocabulary", 0) == 0 and one.chance(0.05):
        one.add("softmax")
    network = Network(family, tuple(one.ops), loss=one.loss(), flavour=one.one_of(("linen", "nnx")), **facts)
    return replace(
        network,
        mode="train" if (batch_norm or dropout) and one.chance(0.5) else "eval",
        weight_scale=float(np.exp(rng.uniform(np.log(0.1), np.log(3.0)))),
        input_scale=float(np.exp(rng.uniform(np.log(0.1), np.log(3.0)))),
        input_offset=one.one_of((0.0, 0.0, 0.5)),
        seed=int(rng.integers(2**31)),
    )
