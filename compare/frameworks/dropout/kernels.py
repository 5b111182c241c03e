"""What torch's own fused functions draw inside, and attention written out so that its dropout can be replayed."""

import torch

from compare.frameworks.torch_insides import Kernel, schema_of


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """``F.scaled_dot_product_attention`` as its documentation writes it out, with ``torch.dropout`` on the weights.

    ``query`` (..., H, L, E), ``key`` (..., H, S, E) and ``value`` (..., H, S, Ev) give (..., H, L, Ev); the dropout
    mask is (..., H, L, S).
    """
    if enable_gqa:
        groups = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
    weights = query @ key.transpose(-2, -1) * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(weights.shape[-2:], dtype=torch.bool, device=query.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        weights = weights.masked_fill(attn_mask.logical_not(), float("-inf"))
    elif attn_mask is not None:
        weights = weights + attn_mask
    return torch.dropout(torch.softmax(weights, dim=-1), dropout_p, train=True) @ value


def between_layers(args: tuple) -> bool:
    """Whether ``torch.lstm`` and its kin, called with ``args``, drop anything between their layers.

    Their arguments, packed or not, hold (..., has_biases, num_layers, dropout, train, ...), and no earlier boolean.
    """
    start = next(place for place, value in enumerate(args) if isinstance(value, bool))
    layers, rate, train = args[start + 1 : start + 4]
    return bool(train) and rate > 0 and layers > 1


def draws(kernel: Kernel, args: tuple, kwargs: dict[str, object]) -> bool:
    """Whether a kernel draws random numbers: not one that is told that it is not training, or to drop at rate 0, or to
    keep all or nothing."""
    if torch.Tag.nondeterministic_seeded not in kernel.tags:
        return False
    arguments = schema_of(kernel).arguments
    given = {argument.name: argument.default_value for argument in arguments if argument.has_default_value()}
    given |= dict(zip((argument.name for argument in arguments), args, strict=False)) | kwargs
    off = any(given.get(name) is False for name in ("train", "training"))
    certain = "bernoulli" in kernel.overloadpacket.__name__ and isinstance(given.get("p"), float | int)
    return not off and given.get("dropout_p") != 0.0 and not (certain and given["p"] in (0, 1))
