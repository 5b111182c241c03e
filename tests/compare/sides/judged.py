"""Pairs judged with nothing known, and a norm that both frameworks raise to float32."""

from typing import Any

import jax.numpy as jnp
import torch

from compare.frameworks.devices import Device
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.judging import Judged, judge_port, reference_runs
from compare.sides.quartet import Quartet
from compare.sides.side import What
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Judgement, Verdict


def together(cpu: Device, pair: Pair, steps: int = 1) -> tuple[Quartet, Entering]:
    """Both sides, and what enters them."""
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    return quartet, quartet.prepared.enter(0, steps).at(FLOAT32)


def judge(cpu: Device, pair: Pair, what: What = None, steps: int = 1) -> Judged:
    """The pair's first batch, judged with nothing known."""
    quartet, entering = together(cpu, pair, steps)
    return judge_port(quartet, entering, what, *reference_runs(quartet, entering, what))


def judgements(cpu: Device, pair: Pair, what: What = None, steps: int = 1) -> dict[str, Judgement]:
    return judge(cpu, pair, what, steps).judgements


def verdicts(judged: dict[str, Judgement]) -> set[Verdict]:
    return {one.verdict for one in judged.values()}


def torch_norm(p: Any, x: torch.Tensor, epsilon: float = 1e-6) -> torch.Tensor:
    """A root mean square norm that is raised to float32 by its own code, as Llama's is."""
    wide = x.to(torch.float32)
    return p["w"] * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)).to(x.dtype)


def jax_norm(p: Any, x: Any, epsilon: float = 1e-6) -> Any:
    """The same."""
    wide = x.astype(jnp.float32)
    normed = wide * (1 / jnp.sqrt((wide**2).mean(-1, keepdims=True) + epsilon))
    return p["w"] * normed.astype(x.dtype)
