"""Equinox's layers: where they are in a tree, and what their settings are called in Flax's words."""

from collections.abc import Iterator
from typing import Any, TypeGuard

import equinox as eqx
import jax

from compare.frameworks.models.ports import Settings, Tree, path_of

# Modules that are no layers: what a stateful layer finds its state by.
PASSIVE = (eqx.nn.StateIndex,)
# What Flax's layers call the settings of Equinox's.
NAMES = {"stride": "strides", "dilation": "kernel_dilation", "use_weight": "use_scale", "groups": "feature_group_count"}


def is_layer(value: object) -> TypeGuard[eqx.Module]:
    """Whether a value is a module."""
    return isinstance(value, eqx.Module)


def layers_in(tree: Tree, path: tuple = ()) -> Iterator[tuple[str, eqx.Module]]:
    """Every module in a tree by its path, the outermost first."""
    if isinstance(tree, PASSIVE):
        return
    if isinstance(tree, eqx.Module):
        yield path_of(path), tree

    def is_below(node: object) -> bool:
        return node is not tree and is_layer(node)

    for keys, node in jax.tree_util.tree_flatten_with_path(tree, is_leaf=is_below)[0]:
        if is_below(node):
            yield from layers_in(node, (*path, *keys))


def holds_modules(tree: Tree) -> bool:
    return any(map(is_layer, jax.tree.leaves(tree, is_leaf=is_layer)))


def settings_of(layer: Any) -> Settings:
    settings = {NAMES.get(name, name): value for name, value in vars(layer).items()}
    kind = library_class(layer)
    if kind in ("LayerNorm", "RMSNorm"):
        settings["reduction_axes"] = tuple(range(-len(layer.shape), 0))
    if kind == "ConvTranspose":
        settings["padding"] = _padding_of_transposed(layer)
    if kind == "Conv" and layer.padding_mode != "ZEROS":
        settings["padding"] = layer.padding_mode
    if kind == "GroupNorm":
        settings["num_groups"] = settings.pop("feature_group_count")
    if kind in ("GroupNorm", "BatchNorm"):
        settings["use_bias"] = settings["use_scale"] = layer.channelwise_affine
    if kind == "BatchNorm":
        settings["use_running_average"] = layer.inference
    return settings


def library_class(layer: Any) -> str:
    names = [base.__name__ for base in type(layer).__mro__ if base.__module__.startswith("equinox.nn.")]
    own = next((name for name in names if name != "StatefulLayer"), "")
    return own[:-2] if own.endswith(("1d", "2d", "3d")) and own.startswith("Conv") else own


def _padding_of_transposed(layer: Any) -> object:
    """As Flax has it: what is put around the input, where Equinox, like torch, says what is cut off the result."""
    padding = ((0, 0),) * len(layer.kernel_size) if layer.padding == "VALID" else layer.padding
    if isinstance(padding, str):
        return padding
    reach = [dilation * (size - 1) for size, dilation in zip(layer.kernel_size, layer.dilation, strict=True)]
    sides = zip(reach, padding, layer.output_padding, strict=True)
    return tuple((whole - low, whole - high + out) for whole, (low, high), out in sides)
