"""Attention written out is torch's own; kernels that do not draw are not said to."""

import pytest
import torch
from torch.nn import functional as F

from compare.frameworks.dropout.kernels import attention, between_layers, draws


def heads(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


BOOL = torch.tensor([[True, False, True], [True, True, False]])
MASKS = {
    "none": {},
    "boolean": {"attn_mask": BOOL},
    "added": {"attn_mask": torch.where(BOOL, 0.5, -2.0).double()},
    "scale": {"scale": 0.3},
}


@pytest.mark.parametrize("options", MASKS.values(), ids=MASKS)
def test_attention_written_out_is_torchs(options):
    query, key, value = heads(2, 4, 2, 6), heads(2, 4, 3, 6), heads(2, 4, 3, 5)
    wanted = F.scaled_dot_product_attention(query, key, value, **options)
    assert torch.allclose(attention(query, key, value, **options), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 4), (4, 2)])
def test_causal_attention_written_out_is_torchs(sizes):
    query, key = heads(2, 4, sizes[0], 6), heads(2, 4, sizes[1], 6)
    wanted = F.scaled_dot_product_attention(query, key, key, is_causal=True)
    assert torch.allclose(attention(query, key, key, is_causal=True), wanted, rtol=0, atol=1e-13)


def test_grouped_heads_written_out_are_torchs():
    query, key = heads(2, 6, 3, 4), heads(2, 2, 3, 4)
    wanted = F.scaled_dot_product_attention(query, key, key, enable_gqa=True)
    assert torch.allclose(attention(query, key, key, enable_gqa=True), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("rate", "train", "layers", "drops"),
    [(0.2, True, 2, True), (0.0, True, 2, False), (0.2, False, 2, False), (0.2, True, 1, False)],
)
def test_recurrent_layers_drop_only_between_them_and_in_training(rate, train, layers, drops):
    loose = (torch.ones(1), torch.ones(1), [torch.ones(1)], True, layers, rate, train, False, True)
    packed = (torch.ones(1), torch.ones(1), torch.ones(1), [torch.ones(1)], True, layers, rate, train, False)
    assert between_layers(loose) == between_layers(packed) == drops


def test_kernels_draw_only_where_they_are_told_to():
    aten = torch.ops.aten
    assert draws(aten.rand.default, ([3],), {})
    assert draws(aten.native_dropout.default, (torch.ones(1), 0.5, True), {})
    assert not draws(aten.native_dropout.default, (torch.ones(1), 0.5, False), {})
    assert not draws(aten.mul.Tensor, (torch.ones(1), torch.ones(1)), {})
    flash = aten._scaled_dot_product_flash_attention.default
    if torch.Tag.nondeterministic_seeded in flash.tags:
        assert draws(flash, (1, 2, 3, 0.1), {})
        assert not draws(flash, (1, 2, 3, 0.0), {})
        assert not draws(flash, (1, 2, 3), {})
