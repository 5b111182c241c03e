"""Recurrent layers."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

CELL, H = {"x": "normal(2, 3)", "h": "normal(2, 4)"}, 4
SEQUENCE = {"x": "normal(5, 2, 3)"}


def _part(letter: str, place: int, end: str) -> str:
    """One gate's rows of torch's stacked weights, as a kernel; ``end``: "" or "_l0"."""
    return f"weight_{letter}h{end}[{H * place}:{H * place + H}].T"


def _bias(letters: str, place: int, end: str) -> str:
    return " + ".join(f"bias_{letter}h{end}[{H * place}:{H * place + H}]" for letter in letters)


def _lstm(end: str, flax_if: str) -> str:
    gates = enumerate(("i", flax_if, "g", "o"))
    return ", ".join(
        f"'i{gate}': {{'kernel': {_part('i', place, end)}}}, "
        f"'h{gate[0]}': {{'kernel': {_part('h', place, end)}, 'bias': {_bias('ih', place, end)}}}"
        for place, gate in gates
    )


def _gru(end: str) -> str:
    """torch's hidden bias of r and z adds to the input's; that of n stands inside the product."""
    inner = ", ".join(
        f"'i{gate}': {{'kernel': {_part('i', place, end)}, 'bias': {_bias('ih' if gate != 'n' else 'i', place, end)}}}"
        for place, gate in enumerate("rzn")
    )
    hidden = ", ".join(f"'h{gate}': {{'kernel': {_part('h', place, end)}}}" for place, gate in enumerate("rz"))
    return f"{inner}, {hidden}, 'hn': {{'kernel': {_part('h', 2, end)}, 'bias': {_bias('h', 2, end)}}}"


def _simple(end: str) -> str:
    return (
        f"'i': {{'kernel': weight_ih{end}.T, 'bias': bias_ih{end} + bias_hh{end}}}, 'h': {{'kernel': weight_hh{end}.T}}"
    )


def _simple_nnx(end: str) -> str:
    return (
        f"dense_i={{'kernel': weight_ih{end}.T, 'bias': bias_ih{end} + bias_hh{end}}}, "
        f"dense_h={{'kernel': weight_hh{end}.T}}"
    )


def _over_time(cell: str, leaves: str) -> str:
    return f"linen.RNN(linen.{cell}({H}, $), time_major=True).apply(params(cell={{{leaves}}}), x)"


DOUBLE = "param_dtype=jnp.float64"  # the carry starts with it, and a scan's carry keeps its type


def _nnx_over_time(cell: str, leaves: str) -> str:
    return f"nnx.RNN(filled(nnx.{cell}(3, {H}, rngs=rngs, $), {leaves}), time_major=True, rngs=rngs)(x)"


BIASES = "two biases in torch, whose sum is Flax's one"
HIDDEN = (
    "torch's bias of the hidden part of n stands inside r's product: nnx has none there, so no weights make it equal"
)

ROWS = (
    Row(
        ("nn.RNNCell(3, 4)(x, h)",),
        (
            Port(f"linen.SimpleCell(4).apply({{'params': {{{_simple('')}}}}}, h, x)[1]"),
            Port(f"filled(nnx.SimpleCell(3, 4, rngs=rngs, $), {_simple_nnx('')})(h, x)[1]", "dtype=jnp.float64"),
        ),
        CELL,
        BIASES,
    ),
    Row(
        ("nn.LSTMCell(3, 4)(x, (h, c))",),
        (
            Port(
                f"(lambda carry: [carry[1], carry[0]])(linen.LSTMCell(4).apply({{'params': {{{_lstm('', 'f')}}}}}, "
                "(c, h), x)[0])"
            ),
            Port(
                f"(lambda carry: [carry[1], "
                f"carry[0]])(linen.OptimizedLSTMCell(4).apply({{'params': {{{_lstm('', 'f')}}}}}, "
                "(c, h), x)[0])"
            ),
            Port(
                f"(lambda carry: [carry[1], carry[0]])(filled(nnx.LSTMCell(3, 4, rngs=rngs), **{{{_lstm('', 'f_')}}})"
                "((c, h), x)[0])"
            ),
        ),
        CELL | {"c": "normal(2, 4)"},
        BIASES + "; Flax's carry is (c, h), torch's (h, c)",
    ),
    Row(
        ("nn.GRUCell(3, 4)(x, h)",),
        (
            Port(f"linen.GRUCell(4).apply({{'params': {{{_gru('')}}}}}, h, x)[1]"),
            Port(
                "filled(nnx.GRUCell(3, 4, rngs=rngs), dense_i={'kernel': weight_ih.T, 'bias': bias_ih + bias_hh}, "
                "dense_h={'kernel': weight_hh.T})(h, x)[1]",
                apart=HIDDEN,
            ),
        ),
        CELL,
        "r acts on the hidden part of n after its product, in both",
    ),
    Row(
        ("nn.RNN(3, 4)(x)[0]",),
        (
            Port(_over_time("SimpleCell", _simple("_l0")), DOUBLE),
            Port(_nnx_over_time("SimpleCell", _simple_nnx("_l0")), "dtype=jnp.float64, param_dtype=jnp.float64"),
        ),
        SEQUENCE,
        BIASES,
    ),
    Row(
        ("nn.LSTM(3, 4)(x)[0]",),
        (
            Port(_over_time("OptimizedLSTMCell", _lstm("_l0", "f")), DOUBLE),
            Port(_nnx_over_time("LSTMCell", f"**{{{_lstm('_l0', 'f_')}}}"), DOUBLE),
        ),
        SEQUENCE,
        "time first unless batch_first=True; batch first in Flax unless time_major=True",
    ),
    Row(("nn.GRU(3, 4)(x)[0]",), (Port(_over_time("GRUCell", _gru("_l0")), DOUBLE),), SEQUENCE, BIASES),
    Row(("nn.RNNBase('RNN_TANH', 3, 4)",), note="the base class of torch's recurrent layers, none itself"),
    Row(("nn.RNNCellBase(3, 4, True, 1)",), note="the base class of torch's cells, no layer"),
)
