"""The names and the defaults, read from the libraries."""

from compare.explain.differences.public_names_read import (
    defaults,
    names_called,
    port_names,
    reference_name,
    same_elsewhere,
    torch_names,
)
from compare.frameworks.names_in_code import PORT_MODULES


def test_the_names_that_torch_has():
    """Classes, functions, native ones and those that a flag chooses; nothing of typing or of torch's own machinery."""
    names = torch_names()
    wanted = {"nn.GELU", "F.gelu", "F.max_pool2d", "F.conv2d", "F.relu_", "init.kaiming_uniform_", "optim.AdamW"}
    assert wanted | {"optim.lr_scheduler.OneCycleLR", "init.calculate_gain"} <= set(names)
    assert len(names) > 300
    assert not {"F.Tensor", "F.boolean_dispatch", "F.has_torch_function", "init.kaiming_uniform", "F.Optional"} & set(
        names
    )


def test_names_of_a_code():
    """In the order in which they stand; a method of what is made is no name."""
    code = "first(linen.Conv(4, (2, 2)).apply(params(kernel=jnp.flip(w)), last(x)))"
    assert names_called(code, PORT_MODULES) == ["linen.Conv", "jnp.flip"]
    assert port_names(code) == ["linen.Conv"]
    assert port_names("jnp.where(x > 0, x, 0)") == ["jnp.where"]
    assert reference_name("nn.RReLU().eval()(x)") == "nn.RReLU"


def test_defaults_are_read_on_both_sides():
    """Of a class, a native function, one that a flag chooses, a class that hands all on, and a Flax layer."""
    assert defaults("nn.LayerNorm")["eps"] == 1e-5
    assert defaults("F.gelu") == {"approximate": "none"}
    assert defaults("F.softplus") == {"beta": 1, "threshold": 20}
    assert defaults("F.max_pool2d")["ceil_mode"] is False
    assert defaults("nn.LSTM")["num_layers"] == 1
    assert defaults("linen.LayerNorm")["epsilon"] == 1e-6
    assert defaults("nnx.BatchNorm")["momentum"] == 0.99
    assert defaults("jax.nn.gelu") == {"approximate": True}
    assert defaults("optim.Adam")["betas"] == (0.9, 0.999)
    assert defaults("nothing.of_it") == {}


def test_one_object_under_several_names():
    """Linen and NNX hand on what jax.nn has."""
    assert {"linen.gelu", "nnx.gelu"} <= set(same_elsewhere("jax.nn.gelu"))
    assert same_elsewhere("linen.Dense") == []
