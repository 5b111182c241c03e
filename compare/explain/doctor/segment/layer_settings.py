"""The settings of a layer on both sides, in one vocabulary, and which of them differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import nn

from compare.explain.doctor.segment.padding import SAME, shown, torch_padding, translated, uniform
from compare.frameworks.models.choose import kind_of_port

# Names for one setting, as layers of either side, a library's or a user's own, call it.
ALIASES = {
    "epsilon": "eps epsilon variance_epsilon norm_eps layer_norm_eps layer_norm_epsilon layernorm_eps rms_norm_eps"
    " layernorm_epsilon norm_epsilon variance_eps rms_eps",
    "dropout rate": "p rate dropout dropout_rate drop dropout_p drop_rate",
    "heads": "num_heads n_heads n_head nheads nhead heads num_attention_heads",
    "theta": "theta rope_theta rotary_base rope_base base max_period",
    "scale": "scale scaling softmax_scale sm_scale scale_factor attn_scale temperature",
    "negative_slope": "negative_slope slope leak",
    "groups": "groups num_groups n_groups feature_group_count",
    "causal": "causal is_causal",
    "approximate": "approximate approx",
    "dilation": "dilation kernel_dilation",
    "stride": "stride strides",
    "momentum": "momentum",
    "layers": "num_layers n_layers",
    "bidirectional": "bidirectional",
    "query and key norm": "normalize_qk qk_norm",
    "batch statistics": "track_running_stats",
}  # fmt: skip
_SETTING = {alias: name for name, aliases in ALIASES.items() for alias in aliases.split()}
SKIPPED = {"training", "inplace", "transpose_kernel", "use_fast_variance", "force_float32_reductions", "deterministic",
            "broadcast_dropout", "decode", "sparse", "dump_patches", "call_super_init", "batch_first"}  # fmt: skip
_LOW = ("bfloat16", "float16")


@dataclass(frozen=True)
class SettingRead:
    """One that differs. ``attribute`` is the reference's own attribute that holds it, where it is as plain as that."""

    name: str
    reference: Any
    port: Any
    attribute: str = ""

    @property
    def text(self) -> str:
        """ "epsilon is 1e-06 in the port, 1e-05 in the reference"."""
        if isinstance(self.reference, bool) and isinstance(self.port, bool):
            held, other = ("the port", "the reference") if self.port else ("the reference", "the port")
            return f"{held} has {self.name}, {other} has not"
        return f"{self.name} is {shown(self.port)} in the port, {shown(self.reference)} in the reference"


def settings_read(reference: Any, port: Any) -> tuple[SettingRead, ...]:
    """The settings that can be read of both layers, a torch module and a port's, and differ."""
    if reference is None or port is None:
        return ()
    own, others = reference_settings(reference), port_settings(port, reference)
    return tuple(
        SettingRead(name, value, others[name], _attribute(reference, name, value))
        for name, value in own.items()
        if name in others and not _equal(value, others[name])
    )


def reference_settings(layer: nn.Module) -> dict[str, Any]:
    """The settings of a torch module, of a class of torch's or another, by name."""
    settings = _plain(vars(layer))
    if "bias" not in settings and ("bias" in layer._parameters or isinstance(layer, nn.LayerNorm | nn.RMSNorm)):
        settings["bias"] = layer._parameters.get("bias") is not None
    if isinstance(layer, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm):
        settings["scale"] = layer._parameters.get("weight") is not None
    if isinstance(layer, nn.RMSNorm):
        settings["epsilon"] = torch.finfo(torch.float32).eps if layer.eps is None else layer.eps
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        settings["axis"] = tuple(range(-len(layer.normalized_shape), 0))
    if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.track_running_stats:
        settings["use_running_average"] = not layer.training
    if isinstance(layer, nn.modules.conv._ConvNd):
        settings |= _per_axis(settings, len(layer.kernel_size))
        settings["padding"] = torch_padding(layer)
        settings["padding_mode"] = layer.padding_mode
    dtype = next((parameter.dtype for parameter in layer.parameters() if parameter.is_floating_point()), torch.float32)
    settings["dtype"] = str(dtype).removeprefix("torch.")
    if isinstance(layer, nn.GELU):
        settings["approximate"] = layer.approximate == "tanh"
    return {name: value for name, value in settings.items() if value is not None}


def port_settings(layer: Any, reference: nn.Module | None = None) -> dict[str, Any]:
    """The settings of a port's layer, by name, in torch's conventions.

    ``reference`` is the torch layer beside it, whose sizes give a padding such as "SAME" its meaning.
    """
    side_kind = kind_of_port(layer)
    values: dict[str, Any] = dict(side_kind.settings(layer)) if side_kind else {}
    kind = side_kind.library_class(layer) if side_kind else ""
    settings = _plain(values)
    for flag, name in (("use_bias", "bias"), ("use_scale", "scale")):
        if isinstance(values.get(flag), bool):
            settings[name] = values[flag]
    if kind == "BatchNorm":
        settings["momentum"] = round(1 - values["momentum"], 12)
        if isinstance(values.get("use_running_average"), bool):
            settings["use_running_average"] = values["use_running_average"]
    if kind in ("LayerNorm", "RMSNorm"):
        axes = values["reduction_axes"]
        settings["axis"] = (axes,) if isinstance(axes, int) else tuple(axes)
    if kind == "RMSNorm":
        settings["bias"] = False
    if kind in ("GRUCell", "SimpleCell", "OptimizedLSTMCell", "LSTMCell"):
        settings.pop("bias", None)
    if kind in ("Conv", "ConvTranspose", "ConvLocal"):
        settings |= _convolution(values, kind, reference)
    dtype = getattr(values.get("dtype"), "__name__", str(values.get("dtype")))
    if dtype in _LOW:
        settings["dtype"] = dtype
    return {name: value for name, value in settings.items() if value is not None}


def _convolution(values: Mapping[str, Any], kind: str, reference: nn.Module | None) -> dict[str, Any]:
    size = values["kernel_size"]
    size = (size,) if isinstance(size, int) else tuple(size)
    settings: dict[str, Any] = {
        "stride": uniform(values.get("strides") or 1, len(size)),
        "dilation": uniform(values.get("kernel_dilation") or 1, len(size)),
    }
    padding = values["padding"]
    settings["padding"] = translated(padding, size, settings["stride"], settings["dilation"], kind == "ConvTranspose")
    if str(padding).upper() == SAME and kind != "ConvTranspose" and _same_too(settings["stride"], reference):
        settings.pop("padding")  # it follows the dilation, as the reference's does
    settings["padding_mode"] = str(padding).lower() if padding in ("CIRCULAR", "REFLECT", "REPLICATE") else "zeros"
    if settings["padding_mode"] != "zeros":
        settings.pop("padding")
    return settings


def _same_too(stride: tuple[int, ...], reference: nn.Module | None) -> bool:
    if not isinstance(reference, nn.modules.conv._ConvNd) or any(one != 1 for one in stride):
        return False
    one, size = (1,) * len(reference.kernel_size), reference.kernel_size
    return torch_padding(reference) == translated(SAME, size, one, uniform(reference.dilation, len(size)))


def _per_axis(found: Mapping[str, Any], axes: int) -> dict[str, Any]:
    return {name: uniform(found[name], axes) for name in ("stride", "dilation") if name in found}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and flags among a layer's attributes, by the setting that their name stands for."""
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith("_") or name in SKIPPED or name.startswith(("use_", "in_", "out_")):
            continue
        setting = _SETTING.get(name.lower(), name.lower())
        if isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0:
            value = value.item()
        if isinstance(value, bool | Real) or (setting in ("stride", "dilation") and isinstance(value, tuple | list)):
            settings.setdefault(setting, value)
    return settings


def _attribute(layer: nn.Module, setting: str, value: Any) -> str:
    """The attribute of a torch module that a setting was read from, where setting it there takes effect."""
    if not isinstance(value, bool | Real):
        return ""
    for name, own in vars(layer).items():
        if _SETTING.get(name.lower(), name.lower()) == setting and type(own) is type(value) and own == value:
            return name
    return ""


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) != isinstance(other, bool):
        return bool(one) == bool(other) if isinstance(one, bool | int) and isinstance(other, bool | int) else True
    return bool(one == other)
