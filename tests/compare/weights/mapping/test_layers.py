"""Every kind of layer: the layout that its axes need, and the same function on the other side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from flax import linen, nnx
from torch import nn

from tests.compare.weights.mapping.carry import carried, layout_of, normal


class Sequential(linen.Module):
    """The layers one after another, under the names they get by themselves."""

    layers: tuple

    @linen.compact
    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def test_a_square_matrix_is_transposed_because_of_what_uses_it():
    found = carried(nn.Linear(6, 6), linen.Dense(6), normal(3, 6))
    assert layout_of(found, "weight") == "transpose (1, 0)"


class Raw(nn.Module):
    """A square matrix used as (in, out), one as (out, in), one through einsum."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.randn(5, 5))
        self.b = nn.Parameter(torch.randn(5, 5))
        self.c = nn.Parameter(torch.randn(5, 5))

    def forward(self, x):
        x = torch.tanh(x @ self.a)
        x = torch.tanh(F.linear(x, self.b))
        return torch.einsum("bi,oi->bo", x, self.c)


def test_raw_square_matrices_follow_the_product_that_consumes_them():
    def port(params, x):
        x = jnp.tanh(x @ params["a"])
        x = jnp.tanh(x @ params["b"])
        return jnp.einsum("bi,io->bo", x, params["c"])

    found = carried(Raw(), (port, {name: jnp.ones((5, 5)) for name in "abc"}), normal(3, 5))
    assert layout_of(found, "a") == "same"
    assert layout_of(found, "b") == "transpose (1, 0)"
    assert layout_of(found, "c") == "transpose (1, 0)"


def test_a_weight_turned_before_its_use_is_followed():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 4))

        def forward(self, x):
            return F.linear(x, self.w.t().to(x.dtype).unsqueeze(0)[0].view(4, 4))

    def port(params, x):
        return jnp.dot(x, params["w"].reshape(2, 2, 4).reshape(4, 4))

    assert layout_of(carried(Turned(), (port, {"w": jnp.ones((4, 4))}), normal(3, 4)), "w") == "same"


@pytest.mark.parametrize(
    ("layer", "port", "shape", "axes"),
    [
        (nn.Conv1d(4, 4, 3), linen.Conv(4, (3,), padding="VALID"), (2, 4, 7), "transpose (2, 1, 0)"),
        (nn.Conv2d(3, 5, 3), linen.Conv(5, (3, 3), padding="VALID"), (2, 3, 6, 5), "transpose (2, 3, 1, 0)"),
        (nn.Conv3d(2, 3, 2), linen.Conv(3, (2, 2, 2), padding="VALID"), (1, 2, 4, 3, 5), "transpose (2, 3, 4, 1, 0)"),
        (
            nn.Conv2d(4, 8, 3, groups=2),
            linen.Conv(8, (3, 3), padding="VALID", feature_group_count=2),
            (2, 4, 5, 6),
            "transpose (2, 3, 1, 0)",
        ),
        (
            nn.Conv2d(4, 4, 3, groups=4),
            linen.Conv(4, (3, 3), padding="VALID", feature_group_count=4),
            (2, 4, 5, 6),
            "transpose (2, 3, 1, 0)",
        ),
    ],
)
def test_convolutions_take_channels_last(layer, port, shape, axes):
    found = carried(layer, port, normal(*shape))
    assert layout_of(found, "weight") == axes
    last = (0, *range(2, len(shape)), 1)
    assert found.inputs == (last,)
    assert found.outputs == {"output": (0, len(shape) - 1, *range(1, len(shape) - 1))}


def test_a_square_image_is_turned_by_what_its_axes_do():
    found = carried(nn.Conv2d(3, 3, 3), linen.Conv(3, (3, 3), padding="VALID"), normal(3, 3, 3, 3))
    assert found.outputs == {"output": (0, 3, 1, 2)}
    assert found.inputs == ((0, 2, 3, 1),)


def test_a_port_that_turns_its_input_itself_gets_it_as_it_is():
    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Conv(3, (3, 3), padding="VALID")(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    found = carried(nn.Conv2d(3, 3, 3), Port(), normal(3, 3, 3, 3))
    assert found.inputs == (None,)
    assert found.outputs == {}


@pytest.mark.parametrize("transpose_kernel", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_transposed_convolution(stride, transpose_kernel):
    port = linen.ConvTranspose(4, (3, 3), strides=(stride, stride), padding="VALID", transpose_kernel=transpose_kernel)
    found = carried(nn.ConvTranspose2d(4, 4, 3, stride=stride), port, normal(2, 4, 5, 4))
    turned = "" if transpose_kernel else ", flip (0, 1)"
    axes = "(2, 3, 1, 0)" if transpose_kernel else "(2, 3, 0, 1)"
    assert layout_of(found, "weight") == f"transpose {axes}{turned}"


def test_a_table_stays_as_it_is():
    ids = np.array([[0, 4, 2]], np.int32)
    assert layout_of(carried(nn.Embedding(5, 5), linen.Embed(5, 5), ids), "weight") == "same"


@pytest.mark.parametrize(
    ("layer", "port", "shape"),
    [
        (nn.LayerNorm(6), linen.LayerNorm(epsilon=1e-5), (3, 6)),
        (
            nn.LayerNorm((4, 6)),
            linen.LayerNorm(epsilon=1e-5, reduction_axes=(-1, -2), feature_axes=(-2, -1)),
            (3, 4, 6),
        ),
        (nn.RMSNorm(6, eps=1e-6), linen.RMSNorm(epsilon=1e-6), (3, 6)),
        (nn.BatchNorm1d(6), linen.BatchNorm(), (3, 6)),
    ],
)
def test_norms(layer, port, shape):
    carried(layer, port, normal(*shape))


def test_a_norm_over_channels_beside_a_convolution():
    reference = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.InstanceNorm2d(8, affine=True)
    )
    port = Sequential(
        (
            linen.Conv(8, (3, 3), padding="VALID"),
            linen.GroupNorm(2, epsilon=1e-5),
            linen.Conv(8, (1, 1)),
            linen.BatchNorm(use_running_average=True),
            linen.InstanceNorm(epsilon=1e-5),
        )
    )
    found = carried(reference, port, normal(2, 3, 6, 5))
    lines = {entry.reference: entry.port for entry in found.weight_map.entries}
    assert lines["3.running_mean"] == "batch_stats/layers_3/mean"
    assert lines["3.running_var"] == "batch_stats/layers_3/var"
    assert found.constants == ("3.num_batches_tracked",)


class Projected(nn.Module):
    """Attention written with four linear layers."""

    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(8, 8) for _ in range(4))

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (layer(x).view(b, t, 2, 4).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj))
        return self.o_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, 8))


class PerHead(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.MultiHeadDotProductAttention(num_heads=2)(x, x)


@pytest.mark.parametrize("packed", [False, True])
def test_attention_per_head(packed):
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0]

    found = carried(Packed() if packed else Projected(), PerHead(), normal(2, 5, 8))
    paths = [
        entry.port
        for entry in found.weight_map.entries
        if entry.reference.endswith(("in_proj_weight", "q_proj.weight"))
    ]
    assert paths[0] == "params/MultiHeadDotProductAttention_0/query/kernel"
    assert len(paths) == (3 if packed else 1)


@pytest.mark.parametrize("bias", [True, False])
def test_attention_of_other_widths(bias):
    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True, bias=bias)

        def forward(self, x, memory):
            return self.attention(x, memory, memory, need_weights=False)[0]

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x, memory):
            return linen.MultiHeadDotProductAttention(num_heads=2, use_bias=bias)(x, memory, memory)

    carried(Cross(), Port(), normal(2, 5, 8), normal(2, 3, 6))


class Fused(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (one.view(b, t, 2, 4).transpose(1, 2) for one in self.qkv(x).chunk(3, dim=-1))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, 8))


class Three(linen.Module):
    @linen.compact
    def __call__(self, x):
        b, t, _ = x.shape
        q, k, v = (linen.Dense(8, name=name)(x).reshape(b, t, 2, 4) for name in ("query", "key", "value"))
        return linen.Dense(8, name="out")(linen.dot_product_attention(q, k, v).reshape(b, t, 8))


class OneGeneral(linen.Module):
    @linen.compact
    def __call__(self, x):
        q, k, v = jnp.moveaxis(linen.DenseGeneral((3, 2, 4), name="qkv")(x), 2, 0)
        return linen.DenseGeneral(8, axis=(-2, -1), name="proj")(linen.dot_product_attention(q, k, v))


@pytest.mark.parametrize("port", [Three(), OneGeneral(), PerHead()])
def test_a_fused_projection_against_three_or_one(port):
    carried(Fused(), port, normal(2, 5, 8))


def test_three_projections_against_a_fused_one():
    carried(Projected(), OneGeneral(), normal(2, 5, 8))


def test_tied_weights_are_one_line():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 9)
            self.head = nn.Linear(9, 9, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, ids):
            return self.head(torch.tanh(self.embed(ids)))

    class Port(nnx.Module):
        def __init__(self):
            self.table = nnx.Embed(9, 9, rngs=nnx.Rngs(0))

        def __call__(self, ids):
            return self.table.attend(jnp.tanh(self.table(ids)))

    found = carried(Tied(), Port(), np.array([[1, 5, 8]], np.int32))
    assert found.weight_map.references == ("embed.weight",)


def test_layers_stacked_by_a_scan_are_views_of_one_leaf():
    def port(params, x):
        step = lambda x, layer: (jnp.tanh(x @ layer["w"] + layer["b"]), None)  # noqa: E731
        return jax.lax.scan(step, x, params)[0]

    reference = nn.Sequential(*(one for _ in range(3) for one in (nn.Linear(4, 4), nn.Tanh())))
    found = carried(reference, (port, {"w": jnp.ones((3, 4, 4)), "b": jnp.ones((3, 4))}), normal(2, 4))
    lines = {entry.reference: str(entry.port_view) for entry in found.weight_map.entries}
    assert lines["2.weight"] == "index (0, 1)"


def test_weight_norm_has_a_length_and_a_direction():
    def port(params, x):
        kernel = params["g"] * params["v"] / jnp.linalg.norm(params["v"], axis=0)
        return x @ kernel + params["b"]

    params = {"g": jnp.ones(4), "v": jnp.ones((4, 4)), "b": jnp.ones(4)}
    carried(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), (port, params), normal(3, 4))


def test_a_table_added_here_and_indexed_there():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.position = nn.Embedding(7, 5), nn.Embedding(9, 5)

        def forward(self, ids):
            return self.token(ids) + self.position(torch.arange(ids.shape[1]))

    def port(params, ids):
        return params["table"][ids] + params["added"][: ids.shape[1]]

    carried(Positions(), (port, {"table": jnp.ones((7, 5)), "added": jnp.ones((9, 5))}), np.array([[1, 6]], np.int32))


def test_a_table_turned_and_cut_on_its_way():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.position = nn.Parameter(torch.randn(4, 4))

        def forward(self, x):
            return x + self.position.t()[: x.shape[1]]

    found = carried(
        Turned(), (lambda params, x: x + params["p"][: x.shape[1]], {"p": jnp.ones((4, 4))}), normal(2, 3, 4)
    )
    assert layout_of(found, "position") == "transpose (1, 0)"


def test_a_slope_used_in_two_ways():
    def port(params, x):
        y = x @ params["kernel"] + params["bias"]
        return jnp.where(y >= 0, y, params["slope"] * y)

    params = {"kernel": jnp.ones((4, 4)), "bias": jnp.ones(4), "slope": jnp.ones(())}
    carried(nn.Sequential(nn.Linear(4, 4), nn.PReLU()), (port, params), normal(3, 4))


def test_a_transposed_convolution_in_groups():
    def port(params, x):
        specs = {"dimension_numbers": ("NHWC", "HWIO", "NHWC"), "feature_group_count": 2}
        return jax.lax.conv_general_dilated(x, params["k"], (1, 1), ((2, 2), (2, 2)), **specs) + params["b"]

    params = {"k": jnp.ones((3, 3, 2, 8)), "b": jnp.ones(8)}
    carried(nn.ConvTranspose2d(4, 8, 3, groups=2), (port, params), normal(2, 4, 5, 6))


@pytest.mark.parametrize("cell", [nn.GRUCell, nn.LSTMCell])
def test_a_single_cell(cell):
    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell(4, 4)

        def forward(self, x):
            h = torch.tanh(x[:, 1])
            return self.cell(x[:, 0], h) if cell is nn.GRUCell else self.cell(x[:, 0], (h, h))[0]

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            h = jnp.tanh(x[:, 1])
            if cell is nn.GRUCell:
                return linen.GRUCell(4)(h, x[:, 0])[1]
            return linen.LSTMCell(4)((h, h), x[:, 0])[1]

    carried(Step(), Port(), normal(3, 2, 4))


@pytest.mark.parametrize("mask", ["tril", "triu"])
def test_a_masked_square_matrix_is_turned_by_its_use(mask):
    """An autoregressive layer: the triangle is cut from the weight itself."""

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.v = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(4, 4))

        def forward(self, x):
            return F.linear(torch.tanh(F.linear(x, getattr(torch, mask)(self.w))), self.v)

    def port(params, x):
        kept = getattr(jnp, {"tril": "triu", "triu": "tril"}[mask])(params["first"])  # (in, out): the other triangle
        return jnp.tanh(x @ kept) @ params["second"]

    params = {"first": jnp.ones((4, 4)), "second": jnp.ones((4, 4))}
    found = carried(Masked(), (port, params), normal(3, 4))
    assert layout_of(found, "w") == layout_of(found, "v") == "transpose (1, 0)"


def test_channels_are_followed_through_a_pixel_shuffle_and_statistics():
    class Shuffled(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 8, 1), nn.Conv2d(2, 5, 3)

        def forward(self, x):
            h = F.pixel_shuffle(self.first(x), 2)
            return self.second(h).amax((2, 3)) + torch.std_mean(h, (2, 3), correction=0)[1].sum(1, keepdim=True)

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            h = linen.Conv(8, (1, 1))(x)
            b, height, width, _ = h.shape
            h = h.reshape(b, height, width, 2, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(b, 2 * height, 2 * width, 2)
            return linen.Conv(5, (3, 3), padding="VALID")(h).max((1, 2)) + h.mean((1, 2)).sum(1, keepdims=True)

    carried(Shuffled(), Port(), normal(2, 3, 4, 5))


def test_a_bag_of_rows():
    ids = np.array([[1, 2, 3], [0, 4, 4]], np.int32)
    port = (lambda params, ids: params["table"][ids].mean(1), {"table": jnp.ones((5, 5))})
    carried(nn.EmbeddingBag(5, 5, mode="mean"), port, ids)


def test_the_reference_is_left_alone():
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    port = Sequential((linen.Dense(3), linen.BatchNorm(use_running_average=True)))
    carried(module, port, normal(4, 3))
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
