"""Every active torch dropout takes its own mask, in values and gradients exactly, and what does not is named."""

import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.reference import replayed

SEED = 4
FEATURES = [(nn.Dropout1d, (3, 4, 5)), (nn.Dropout2d, (3, 4, 5, 6)), (nn.Dropout3d, (3, 4, 2, 5, 6))]
HERE = "tests/compare/frameworks/dropout/test_reference.py:"


def numbers(*shape, dtype=torch.float32):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(1))


def mask_of(record, number, dtype=torch.float32):
    dropout = record.drawn[number]
    return torch.tensor(draw(SEED, number, dropout.shape, dropout.rate)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("layer", "shape"), [(nn.Dropout, (3, 4)), *FEATURES])
def test_values_and_gradients_are_exactly_those_of_the_mask(layer, shape, in_place, dtype):
    x = numbers(*shape, dtype=dtype).requires_grad_()
    with replayed(SEED) as record:
        y = layer(0.3, inplace=in_place)(x * 1)
    grad, [dropout] = numbers(*shape, dtype=dtype).flip(0), record.drawn
    y.backward(grad)
    mask = mask_of(record, 0, dtype)
    assert dropout.shape == (shape if layer is nn.Dropout else shape[:2] + (1,) * (len(shape) - 2))
    assert 0 < mask.sum() < mask.numel()
    assert y.dtype == dtype
    assert torch.equal(y, x * mask / (1 - 0.3))
    assert torch.equal(x.grad, grad / (1 - 0.3) * mask)
    assert (dropout.index, dropout.rate, record.not_compared) == (0, 0.3, [])
    assert dropout.where.startswith(HERE)


@pytest.mark.parametrize(
    "drop",
    [
        lambda x: F.dropout(x, 0.3),
        lambda x: F.dropout(x, 0.3, inplace=True),
        lambda x: torch.dropout(x, 0.3, True),
        lambda x: torch.dropout(x, p=0.3, train=True),
        lambda x: torch.dropout_(x, 0.3, True),
    ],
)
def test_the_functions_are_the_layer(drop):
    x = numbers(3, 4)
    with replayed(SEED) as record:
        y = drop(x.clone())
    assert torch.equal(y, x * mask_of(record, 0) / (1 - 0.3))


def test_in_place_is_in_place():
    x = numbers(3, 4)
    with replayed(SEED):
        y = F.dropout(x, 0.5, inplace=True)
    assert y is x


def test_an_image_without_a_batch_keeps_its_channels():
    """Torch adds the batch axis itself."""
    x = numbers(4, 5)
    with replayed(SEED) as record:
        y = F.dropout1d(x, 0.5)
    assert record.drawn[0].shape == (1, 4, 1)
    assert torch.equal(y, x * mask_of(record, 0)[0] / 0.5)


def test_what_draws_nothing_takes_no_mask():
    x, lstm = numbers(3, 4), nn.LSTM(4, 5, 2, dropout=0.5).eval()
    with replayed(SEED) as record:
        assert torch.equal(nn.Dropout(0.5).eval()(x), x)
        assert torch.equal(F.dropout(x, 0.5, training=False), x)
        assert torch.equal(F.dropout(x, 0.0), x)
        assert torch.equal(F.dropout(x, 1.0), torch.zeros(3, 4))
        assert F.dropout(x[:0], 0.5).shape == (0, 4)
        lstm(x)
        nn.AlphaDropout(0.5).eval()(x)
        F.scaled_dot_product_attention(x, x, x)
    assert (record.drawn, record.not_compared) == ([], [])


def test_torchs_own_checks_stay():
    with replayed(SEED), pytest.raises(ValueError, match="between 0 and 1"):
        F.dropout(numbers(2), 1.5)


def test_both_precisions_drop_the_same_entries():
    net = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 5), nn.Dropout(0.2))
    outputs = []
    for dtype in (torch.float32, torch.float64):
        with replayed(SEED) as record:
            outputs.append(net.to(dtype)(numbers(4, 6).to(dtype)))
    assert [(dropout.index, dropout.shape) for dropout in record.drawn] == [(0, (4, 8)), (1, (4, 5))]
    assert torch.allclose(outputs[0].double(), outputs[1], atol=1e-6)


def test_it_replays_inside_functional_call_and_grad():
    net, x = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 1)), numbers(4, 6)
    params = dict(net.named_parameters())
    with replayed(SEED) as record:
        net(x).sum().backward()
    with replayed(SEED) as called:
        grads = torch.func.grad(lambda params: torch.func.functional_call(net, params, x).sum())(params)
    assert called.drawn[0].shape == record.drawn[0].shape
    assert called.not_compared == []
    assert all(torch.allclose(grads[name], parameter.grad) for name, parameter in params.items())


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_takes_the_same_masks_again(reentrant):
    """Two checkpoints of one block: each finds its own masks in the backward pass, not the next or the other's."""
    net, results = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Tanh(), nn.Dropout(0.1)).double(), []
    blocks = (net, lambda x: checkpoint(net, x, use_reentrant=reentrant))
    for block in blocks:
        x = numbers(4, 6, dtype=torch.float64).requires_grad_()
        with replayed(SEED) as record:
            block(block(x)).square().sum().backward()
        assert (len(record.drawn), record.not_compared) == (4, [])
        results.append(x.grad)
    assert torch.equal(*results)


@pytest.mark.parametrize("needs", [True, False])
def test_multihead_attention_drops_its_weights(needs):
    """With returned weights and without: the same function, and the mask is on the softmax's output."""
    attend, x = nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True).double(), numbers(3, 5, 8).double()
    with replayed(SEED) as record:
        found = attend(x, x, x, need_weights=needs)[0]
    [dropout] = record.drawn
    assert dropout.shape == ((6, 5, 5) if needs else (3, 2, 5, 5))
    assert record.not_compared == []
    query, key, value = (
        (x @ weight.T + bias).reshape(3, 5, 2, 4).transpose(1, 2)
        for weight, bias in zip(attend.in_proj_weight.chunk(3), attend.in_proj_bias.chunk(3), strict=True)
    )
    weights = torch.softmax(query @ key.transpose(-1, -2) / 2.0, -1) * mask_of(record, 0).view(3, 2, 5, 5) / 0.6
    wanted = attend.out_proj((weights @ value).transpose(1, 2).reshape(3, 5, 8))
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)


def test_a_transformer_layer_replays_all_four_of_its_dropouts():
    layer, x = nn.TransformerEncoderLayer(8, 2, 12, 0.2, batch_first=True), numbers(3, 5, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    with replayed(SEED) as record:
        one = layer(x, src_mask=mask, is_causal=True)
    with replayed(SEED):
        other = layer(x, src_mask=mask, is_causal=True)
    assert [dropout.shape for dropout in record.drawn] == [(3, 2, 5, 5), (3, 5, 8), (3, 5, 12), (3, 5, 8)]
    assert record.not_compared == []
    assert torch.equal(one, other)


def attends(x):
    return F.scaled_dot_product_attention(x, x, x, dropout_p=0.3)


def test_fused_attention_is_listed_or_written_out():
    x = numbers(2, 5, 8)
    with replayed(SEED) as record:
        attends(x)
    assert record.drawn == []
    [line] = record.not_compared
    assert line.startswith(f"scaled_dot_product_attention with dropout_p > 0 at {HERE}")
    with replayed(SEED, unfuse=True) as record:
        found = attends(x)
    assert ([dropout.shape for dropout in record.drawn], record.not_compared) == ([(2, 5, 5)], [])
    weights = torch.softmax(x @ x.mT / 8**0.5, -1) * mask_of(record, 0) / 0.7
    assert torch.allclose(found, weights @ x, atol=1e-6)


def test_attention_called_directly_after_a_module_is_listed_still():
    attend, x = nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True), numbers(3, 5, 8)
    with replayed(SEED) as record:
        attends(attend(x, x, x, need_weights=False)[0])
    assert (len(record.drawn), len(record.not_compared)) == (1, 1)


class DropPath(nn.Module):
    def forward(self, x):
        return x * x.new_empty((len(x), 1)).bernoulli_(0.9)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (nn.LSTM(4, 5, 2, dropout=0.3), "dropout between the layers of torch.lstm"),
        (nn.GRU(4, 5, 2, dropout=0.3), "dropout between the layers of torch.gru"),
        (nn.RNN(4, 5, 2, dropout=0.3), "dropout between the layers of torch.rnn_tanh"),
        (nn.AlphaDropout(0.3), "alpha dropout"),
        (nn.FeatureAlphaDropout(0.3), "alpha dropout"),
        (nn.RReLU(), "torch's rrelu_with_noise, drawn by hand,"),
        (DropPath(), "torch's bernoulli_, drawn by hand,"),
        (lambda x: x + torch.randn(3, 4), "torch's randn, drawn by hand,"),
        (lambda x: x * torch.rand_like(x), "torch's rand_like, drawn by hand,"),
        (lambda x: torch.bernoulli(x.sigmoid()), "torch's bernoulli, drawn by hand,"),
        (lambda x: x[torch.randperm(3)], "torch's randperm, drawn by hand,"),
        (lambda x: F.gumbel_softmax(x), "torch's exponential_, drawn by hand,"),
        (lambda x: torch.native_dropout(x, 0.5, True), "torch's native_dropout, drawn by hand,"),
        (lambda x: torch.func.vmap(nn.Dropout(0.5), randomness="different")(x), "dropout under torch.vmap"),
    ],
)
def test_other_randomness_is_named_with_its_line(model, name):
    x = numbers(3, 4)
    with replayed(SEED) as record:
        model(x)
    assert record.drawn == []
    [line] = record.not_compared
    assert line.startswith(f"{name} at {HERE}")


def test_nothing_is_left_behind():
    """Not by an exception either; and it is refused a second time, but only while it is on and in its thread."""
    x, failed = numbers(40, 40), []
    with pytest.raises(ZeroDivisionError), replayed(SEED):
        raise ZeroDivisionError
    with replayed(SEED) as record:
        with pytest.raises(RuntimeError, match="already being replayed"), replayed(SEED):
            pass
        other = threading.Thread(target=lambda: failed.append(F.dropout(x, 0.5)))
        other.start()
        other.join()
    assert len(failed) == 1
    assert record.drawn == []
    assert not torch.equal(F.dropout(x, 0.5), F.dropout(x, 0.5))
