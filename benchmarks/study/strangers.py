"""What strangers write: networks in which precision is a matter, and the same networks without it.

Decoders whose norms and position tables are float32 on both sides, depth that saturates, caches with integer positions,
layers in bfloat16, layers that are fed float32 whatever comes, ports that run in float32 only, Fourier layers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.study.draw import WIDTHS, Draw
from benchmarks.study.network import Network, Op
from benchmarks.study.tables import WAYS

LOW = ("module", "input", "output")


class Strange(Draw):
    """Draws one network of a stranger."""

    def norm32(self, width: int, style: str) -> None:
        """A norm that both sides compute in float32, however they are run."""
        self.norm(width, (style,))
        raised = {"island_reference": True, "island_port": True}
        if style == "layer":
            raised = {"float_before": self.chance(0.5), "float_before_port": self.chance(0.5)}
        self.ops[-1] = self.ops[-1].but(fast=False, **raised)

    def decoder(self) -> dict[str, Any]:
        width, heads, steps, style = 8, self.one_of((1, 2)), self.one_of((4, 6)), self.one_of(("rms", "rms", "layer"))
        facts = self._tokens(steps, width)
        rotary = self.chance(0.6)
        if not rotary:
            self.add(
                "sinusoid", steps=steps, width=width, base=10000.0, by=self.one_of((1.0, 0.02, 1e-3)),
                held=(self.one_of(("buffer", "parameter")), self.one_of(WAYS)),
            )  # fmt: skip
        held = ("buffer", self.one_of(WAYS)) if rotary and self.chance(0.8) else None
        cache, bias = self.one_of(("", "plain", "typed")), self.chance(0.3)
        for _ in range(self.one_of((1, 1, 2))):
            self.add("push")
            self.norm32(width, style)
            self.add(
                "attention", "att", width=width, heads=heads, steps=steps, causal=True, rotary=rotary, bias=bias,
                base=self.one_of((10000.0, 500000.0)), fused=self.chance(0.4), held=held, cache=cache,
                finfo=self.one_of((0, 0, 1, 2)), island_reference=rotary, island_port=rotary,
            )  # fmt: skip
            self.add("add")
            self.add("push")
            self.norm32(width, style)
            self._feed_forward(width)
            self.add("add")
        self.norm32(width, style)
        self.dense(width, 5)
        return facts

    def coupling(self) -> dict[str, Any]:
        width = self.one_of((4, 6, 8))
        for _ in range(self.one_of((2, 4, 8))):
            self.add("coupling", "pair", width=width, bias=True)
        if self.chance(0.5):
            self.dense(width, 3)
        return {"shape": (self.one_of((1, 3, 8)), width)}

    def lowered(self) -> dict[str, Any]:
        """Dense layers of which each is in bfloat16, fed float32 on either side, or neither."""
        into = first = self.one_of(WIDTHS)
        rows = self.one_of((3, 8, 32))
        for _ in range(self.one_of((1, 2, 3))):
            out = self.one_of(WIDTHS)
            self.dense(into, out)
            low = self.one_of(LOW) if self.chance(0.4) else ""
            before = not low and self.chance(0.4)
            self.ops[-1] = self.ops[-1].but(
                low_reference=low, low_port=low, float_before=before, float_before_port=before and self.chance(0.5)
            )
            if self.chance(0.4):
                self.norm32(out, "layer")
            self.act()
            into = out
        self.dense(into, 4)
        return {"shape": (rows, first)}

    def float32(self) -> dict[str, Any]:
        """A port that cannot run in float64: a kernel for float32, or a recurrent layer with a carry in float32."""
        width, out = self.one_of(WIDTHS), self.one_of(WIDTHS)
        if self.chance(0.25):
            facts = self._tokens(4, width)
            self.add("lstm", "lstm", into=width, hidden=out, apart=True, by_hand=True, carry32=True)
            self._head(out)
            return facts
        self.add("only32", strict=True)
        self.dense(width, out)
        if self.chance(0.5):
            self.add("standardize", eps=1e-5)
        self.act()
        self.dense(out, 3)
        return {"shape": (self.one_of((8, 64, 512, 512)), width)}

    def spectral(self) -> dict[str, Any]:
        width, steps = self.one_of((6, 8)), self.one_of((6, 8))
        facts = self._tokens(steps, width)
        for _ in range(self.one_of((1, 2))):
            self.add("push")
            if self.chance(0.4):
                self.add("mix")
            else:
                self.add("fourier", "wave", width=width, modes=self.one_of((2, 3)), complex=self.chance(0.4))
            self.add("add")
            self.act()
        self._head(width)
        return facts


FAMILIES = ("decoder", "coupling", "lowered", "float32", "spectral")


def draw(rng: np.random.Generator) -> Network:
    """A random network of a stranger; a decoder is twice as frequent as any other."""
    drawn = Strange(rng)
    family = drawn.one_of((*FAMILIES, "decoder"))
    facts = getattr(drawn, family)()
    network = Network(family, tuple(drawn.ops), loss=drawn.loss(), flavour=drawn.one_of(("linen", "nnx")), **facts)
    largest = 300.0 if family == "coupling" else 3.0
    return replace(
        network,
        weight_scale=float(np.exp(rng.uniform(np.log(0.3), np.log(3.0)))),
        input_scale=float(np.exp(rng.uniform(np.log(0.3), np.log(largest)))),
        seed=int(rng.integers(2**31)),
        probed=drawn.chance(0.3 if family == "coupling" else 0.05),
    )


# What an operation becomes where precision is no matter: the same function, in whatever format it is run.
PLAIN: dict[str, Any] = {
    "held": None, "island_reference": False, "island_port": False, "float_before": False, "float_before_port": False,
    "low_reference": "", "low_port": "", "strict": False, "carry32": False, "complex": False,
}  # fmt: skip


def exact(network: Network) -> Network:
    """The network with its tables computed where they are used and nothing below the format that it is run in: in
    float64 both sides of it are exact but for float64's rounding. A fault stays where it is."""

    def plain(op: Op) -> Op:
        changes = {key: value for key, value in PLAIN.items() if op.get(key)}
        return op.but(**changes, **({"cache": "typed"} if op.get("cache") == "plain" else {}))

    return replace(network, ops=tuple(plain(op) for op in network.ops))


def runs_in_float32_only(network: Network) -> bool:
    """Whether the port raises in float64."""
    return any(op.get("strict") or op.get("carry32") for op in network.ops)


TRAITS: dict[str, Callable[[Op], Any]] = {
    "norm in float32": lambda op: op.kind == "norm" and op.get("island_reference") and op.get("island_port"),
    "held rotary table": lambda op: op.kind == "attention" and op.get("held"),
    "held sinusoid table": lambda op: op.kind == "sinusoid" and op["held"],
    "cache, Python 0 beside int32": lambda op: op.get("cache") == "plain",
    "cache, int32": lambda op: op.get("cache") == "typed",
    "mask of finfo.min": lambda op: op.get("finfo") and not op.get("fused"),
    "couplings": lambda op: op.kind == "coupling",
    "bfloat16 module on both sides": lambda op: op.get("low_reference") == "module",
    "bfloat16 input on both sides": lambda op: op.get("low_reference") == "input",
    "bfloat16 product on both sides": lambda op: op.get("low_reference") == "output",
    ".float() before a layer": lambda op: op.get("float_before"),
    "kernel for float32": lambda op: op.get("strict"),
    "carry in float32": lambda op: op.get("carry32"),
    "Fourier layer, real parameters": lambda op: op.kind == "fourier" and not op["complex"],
    "Fourier layer, complex parameters": lambda op: op.kind == "fourier" and op["complex"],
    "Fourier mixing": lambda op: op.kind == "mix",
}


def traits(network: Network) -> list[str]:
    """What there is of a stranger in a network."""
    found = [name for name, has in TRAITS.items() if any(has(op) for op in network.ops)]
    found += ["512 rows"] * (network.shape[0] == 512) + ["default run"] * network.probed
    return found
