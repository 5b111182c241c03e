"""Scenes for the doctor's tests: a small torch module, and JAX code with or without a fault, both in float64."""

import copy
from collections.abc import Callable

import jax
import numpy as np
import torch
from torch import nn

from compare.explain.calls.change import Change, recorded
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.diagnose import diagnose

ALLOWED = 1e-12


def drawn(*shape, seed=0, scale=1.0):
    """Normal numbers; the same for the same arguments."""
    return scale * np.random.default_rng([seed, *shape]).standard_normal(shape)


def moved(module, seed=1):
    """The module in double with every parameter and running statistic moved to a number of its own."""
    module = module.double()
    with torch.no_grad():
        for place, one in enumerate([*module.parameters(), *module.buffers()]):
            if one.is_floating_point() and one.ndim:
                new = torch.from_numpy(0.4 * drawn(*one.shape, seed=seed + place))
                positive = any(one is other for name, other in module.named_buffers() if "var" in name)
                one.copy_(new.abs() + 0.5 if positive else new + (1 if one.ndim == 1 and place % 2 == 0 else 0))
    return module


def scene_of(module, inputs, port: Callable, *, loss=None, layer=None, direction="forward", primitives=(), path=""):
    """``port`` is called with the parameters and buffers by torch's names and layouts, and the inputs.

    The scene holds the output ("value") and, where ``direction`` is "backward", every gradient against one cotangent.
    """

    def run(change: Change):
        own = copy.deepcopy(module)
        own.load_state_dict(
            {name: torch.from_numpy(one) for name, one in change.entering(_arrays(module)).items()}, strict=False
        )
        taken = [torch.from_numpy(np.array(one)) for one in inputs]
        taken = [one.requires_grad_() if one.is_floating_point() else one for one in taken]
        entered = [one.clone() for one in taken]
        with change.applied(own):
            out = own(*entered)
            out = loss(out) if loss else out
        out = out[0] if isinstance(out, tuple) else out
        made = {"value": out.detach().numpy()}
        if direction == "backward":
            out.backward(torch.from_numpy(cotangent(out.shape)))
            leaves = {**dict(own.named_parameters()), **{f"input.{n}": one for n, one in enumerate(taken)}}
            for name, leaf in leaves.items():
                if leaf.is_floating_point():
                    made[f"grad/{name}"] = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        return made

    own = copy.deepcopy(module)
    entered = [torch.from_numpy(np.array(one)) for one in inputs]
    entered = [one.requires_grad_().clone() if one.is_floating_point() else one for one in entered]
    with recorded(own) as calls:
        out = own(*entered)
        _ = loss(out) if loss else None
    plain = run(Change())
    made = ported(module, inputs, port, direction)
    allowed = {name: ALLOWED * max(float(np.linalg.norm(one)), 1.0) for name, one in plain.items()}
    return Scene(path, module.get_submodule(path), layer, tuple(calls), (), tuple(primitives),
                 "loss" if loss else direction, plain, made, allowed, _arrays(module), run)  # fmt: skip


def cotangent(shape):
    """The one that gradients are taken against."""
    return drawn(*shape, seed=99)


def ported(module, inputs, port, direction):
    """The port's arrays, under the reference's names."""
    with jax.enable_x64(True):
        params = {name: jax.numpy.asarray(one) for name, one in _arrays(module).items()}
        taken = [jax.numpy.asarray(one) for one in inputs]
        if direction != "backward":
            return {"value": np.asarray(port(params, *taken))}
        floats = [n for n, one in enumerate(taken) if np.issubdtype(one.dtype, np.floating)]

        def function(params, *some):
            every = list(taken)
            for n, one in zip(floats, some, strict=True):
                every[n] = one
            return port(params, *every)

        out, back = jax.vjp(function, params, *[taken[n] for n in floats])
        grads, *others = back(jax.numpy.asarray(cotangent(out.shape)))
        names = [name for name, _ in module.named_parameters()]
        return (
            {"value": np.asarray(out)}
            | {f"grad/{name}": np.asarray(grads[name]) for name in names}
            | {f"grad/input.{n}": np.asarray(one) for n, one in zip(floats, others, strict=True)}
        )


def _arrays(module: nn.Module):
    return {name: one.detach().numpy().copy() for name, one in module.state_dict().items()}


def holds(scene, setting, port=None, evidence=None):
    """The doctor names exactly one certain cause, with this setting; the gap closes."""
    found = diagnose(scene)
    certain = [cause for cause in found.causes if cause.certain]
    assert [cause.setting for cause in certain] == [setting], found
    (cause,) = certain
    assert port is None or cause.port == port, cause
    assert evidence is None or cause.evidence == evidence, cause
    assert cause.after < ALLOWED < cause.before, cause
    return found


def sound(scene):
    """The doctor has nothing to say."""
    found = diagnose(scene)
    assert (found.causes, found.excluded, found.observed) == ((), (), ()), found
