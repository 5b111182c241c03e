"""One call, one line of a test suite: what it returns, what it raises, what it says, and what it leaves alone."""

import copy
import inspect
import json
import os
import random
import re
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import compare
from compare import Batch, Pair, assert_port, verify
from compare.errors import UsageError
from scripts.public_names import parsed
from tests.compare.small import DENSE_MAP, LinenDense, TorchDense, X, dense_pair, loose_pair, norm_pair, seeded

pytestmark = pytest.mark.usefixtures("cpu")
USERS_MODELS = True
CPU = {"device": "cpu", "quick": True}


@pytest.fixture(scope="module")
def report(cpu):
    """A sound port, in one call."""
    return verify(seeded(TorchDense), LinenDense(), X, weight_map=DENSE_MAP, device="cpu", quick=True)


def test_one_call(report):
    """A verdict, every number, and a truth value."""
    assert report.verdict == "match"
    assert report
    names = {quantity.name for quantity in report.found.quantities}
    gradients = {f"grad/{name}" for name in ("fc.weight", "fc.bias", "head.weight", "head.bias", "input.x")}
    assert names == {"output", *gradients}


def test_a_report_prints_itself(report):
    """As the command line shows it; no escape code where nobody watches."""
    assert str(report) == repr(report)
    assert re.search(r"^verdict +match$", str(report), re.MULTILINE)
    assert "\x1b" not in str(report)


def test_a_report_is_html_in_a_notebook(report):
    """One piece, with the verdict, and no script."""
    text = report._repr_html_()
    assert text.startswith("<div")
    assert text.endswith("</div>")
    assert "verdict" in text
    assert "<script" not in text


def test_a_users_text_is_escaped_in_html():
    """A name is no markup, in neither language."""
    pair = loose_pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"], name="<b>[red]x")
    report = verify(pair, **CPU)
    assert "&lt;b&gt;[red]x" in report._repr_html_()
    assert "<b>[red]x: " in str(report)


def test_a_report_is_json(report, tmp_path):
    """The form of the design, to a string and to a file."""
    form = json.loads(report.to_json(str(tmp_path / "x.json")), parse_constant=pytest.fail)
    assert form == json.loads((tmp_path / "x.json").read_text()) == report.form
    assert (form["schema"], form["verdict"], form["pairs"][0]["verdict"]) == (1, "match", "match")


def test_a_report_answers_a_program(report):
    """The sentence, the causes, and every quantity as a row."""
    assert report.answer == "the port is the same function: 6 quantities on 1 probe match"
    assert report.causes == []
    assert [row.name for row in report.quantities] == [one.name for one in report.result.quantities]
    assert all(row.gap <= row.allowed for row in report.quantities)


def test_a_report_is_a_page(report, tmp_path):
    """Whole, by the one writer: where it cannot be written there is one line, and nothing is left behind."""
    report.to_html(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert page.startswith("<!doctype html>")
    assert report.answer in page
    with pytest.raises(UsageError, match=r"none/x\.html: cannot be written \(No such file or directory\)"):
        report.to_html(str(tmp_path / "none" / "x.html"))
    (tmp_path / "x.html").chmod(0o400)
    if not os.access(tmp_path / "x.html", os.W_OK):  # root may write to it all the same
        with pytest.raises(UsageError, match="write-protected"):
            report.to_html(tmp_path / "x.html")
    for path, why in ((3, "to_html: expected a path, got 3"), ("", "expected a path"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=why):
            report.to_html(path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


@pytest.mark.usefixtures("elsewhere")
def test_a_dash_is_standard_output(report, tmp_path, capsys):
    """As on the command line: no file of that name is made."""
    report.to_html("-")
    assert capsys.readouterr().out.startswith("<!doctype html>")
    assert report.to_json(Path("-")) == capsys.readouterr().out
    assert not list(Path().iterdir())


@pytest.mark.parametrize("spec", ["", ">10", "<3000", "^3000"])
def test_a_report_is_formatted_as_its_text(report, spec):
    """Under the specifications of strings, in an f-string and by ``format``."""
    assert f"{report:{spec}}" == format(str(report), spec)


def test_every_attribute_of_a_report_is_documented(report):
    """What ``dir`` offers, its docstrings explain."""
    known = parsed(inspect.getdoc(compare.Report)).fields()
    offered = {name for name in dir(report) if not name.startswith("_")}
    assert {name for name in offered if name not in known and not callable(getattr(report, name))} == set()
    assert {"form", "found", "result"} <= offered


def test_a_page_goes_into_a_pipe(report, tmp_path):
    """Which is there afterwards, and no file in its place."""
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # a reader who waits would do so forever
    report.to_html(tmp_path / "pipe")
    assert os.read(reading, 1_000_000).startswith(b"<!doctype html>")
    os.close(reading)
    assert (tmp_path / "pipe").is_fifo()


def test_what_it_is_at_is_said_on_standard_error(capsys):
    """A line a stage where nobody watches; to a function, if one is given; to nobody in a test suite."""
    stages: list[str] = []
    verify(dense_pair(), **CPU)
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("verifying dense: ") for line in err.splitlines())
    verify(dense_pair(), **CPU, progress=stages.append)
    assert [f"verifying dense: {stage}" for stage in stages] == err.splitlines()
    assert len(stages) > 1
    verify(dense_pair(), **CPU, progress=False)
    assert_port(dense_pair(), **CPU)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (".", ".: cannot be written (Is a directory)"),
        ("/dev/full", "cannot be written (No space left"),
        ("", "to_json: expected a path, got ''"),
        (3, "got 3"),
    ],
)
def test_where_no_json_can_be_is_one_line(report, path, words):
    with pytest.raises(UsageError) as raised:
        report.to_json(path)
    with pytest.raises(UsageError):
        report.to_html(path)
    assert words in str(raised.value)


def test_strict_is_no_text():
    """Before anything runs."""
    with pytest.raises(UsageError, match="strict: expected True or False, got 'no'"):
        assert_port(strict="no")


def test_a_model_that_ends_the_program_does_not():
    def leave(outputs):
        raise SystemExit(0)

    with pytest.raises(UsageError, match=r"ended the program: SystemExit: 0 \(.*test_api\.py:\d+\)"):
        verify(dense_pair(reference_outputs=leave), **CPU)


def wrong(factor: float = 1 + 1e-6) -> dict:
    """The dense port with an output ``factor`` too large."""
    return {"port_outputs": lambda outputs: outputs * factor}


def test_a_wrong_port_raises_and_the_message_says_what_and_how_much():
    """Where first, in one sentence; then the quantity that differs most, where, by how much, what rounding explains."""
    with pytest.raises(AssertionError) as raised:
        assert_port(seeded(TorchDense), LinenDense(), X, weight_map=DENSE_MAP, **wrong(), **CPU)
    text = str(raised.value)
    said = re.fullmatch(
        r"the model itself is the first module whose output differs though its inputs agree: "
        r"the port's is 1\.000001 times the reference's in every entry .*\n"
        r"mismatch: output on batch: relative difference (\S+) at \[\d, \d\], where rounding explains (\S+); 5 more",
        text,
    )
    assert said, text
    assert float(said[1]) == pytest.approx(1e-6, rel=0.05)
    assert float(said[2]) < 1e-11


def test_a_sound_port_passes_without_a_word(recwarn):
    """And the report is returned."""
    assert assert_port(dense_pair(), **CPU).verdict == "match"
    assert [str(one.message) for one in recwarn] == []


def torch_only_32(p, x):
    assert x.dtype == torch.float32, "only float32"
    return x * p["w"]


def test_float32_only_warns_and_raises_when_strict():
    """One line of a test suite, in both."""
    pair = loose_pair(torch_only_32, lambda p, x: x * p["w"])
    with pytest.warns(UserWarning, match="float32_only: output on batch: no_oracle") as caught:
        assert assert_port(pair, **CPU).verdict == "float32_only"
    assert caught[0].filename == __file__
    with pytest.raises(AssertionError, match="float32_only: output on batch"):
        assert_port(pair, strict=True, **CPU)


class Counted(TorchDense):
    """Keeps a table that a call changes, and that the port has no counterpart of."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


def test_incomplete_names_what_was_not_compared():
    """A failure, though every number that was compared matched."""
    with pytest.raises(AssertionError, match="incomplete: not compared: buffer calls"):
        assert_port(seeded(Counted), LinenDense(), X, weight_map=DENSE_MAP, **CPU)


def test_invalid_names_both_structures():
    """Outputs of another structure."""
    with pytest.raises(
        AssertionError,
        match="invalid: output on batch: the port returns outputs named logits and the reference one array",
    ):
        assert_port(dense_pair(port_outputs=lambda outputs: {"logits": outputs}), **CPU)


def test_an_output_more_is_the_answer():
    """No module is blamed for it: none differs."""
    report = verify(dense_pair(port_outputs=lambda outputs: (outputs, 3)), **CPU)
    assert report.answer.startswith(
        "invalid: output on batch: the port returns a tuple of 2 and the reference one array"
    )


def test_a_port_that_returns_nothing_is_told_so():
    """A forgotten return."""
    report = verify(dense_pair(port_outputs=lambda outputs: None), **CPU)
    assert report.answer.startswith(
        "invalid: output on batch: the port returns nothing (a call that ends without a return) and the reference one "
    )


def test_a_zero_quantity_that_is_not_zero_in_the_port_is_said():
    """Where the size is 0 there is no relative difference."""
    pair = loose_pair(lambda p, x: 0 * x * p["w"], lambda p, x: 0 * x * p["w"] + 0.5)
    with pytest.raises(AssertionError, match=r"mismatch: output on batch: difference 2\.4e\+00 at"):
        assert_port(pair, **CPU)


def snapshot(module: torch.nn.Module) -> dict:
    """Everything of a torch module that a comparison could change."""
    return {
        "state": {name: tensor.clone() for name, tensor in module.state_dict().items()},
        "dtypes": [tensor.dtype for tensor in module.state_dict().values()],
        "modes": [one.training for one in module.modules()],
        "requires": [one.requires_grad for one in module.parameters()],
        "grads": [None if one.grad is None else one.grad.clone() for one in module.parameters()],
        "addresses": [one.data_ptr() for one in module.parameters()],
        "hooks": [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in module.modules()],
    }


@pytest.mark.parametrize("training", [True, False])
def test_the_users_torch_module_is_left_as_it_was(training):
    """Weights, statistics and counts to the bit, mode, gradients, requires_grad, hooks, memory, random state."""
    pair = norm_pair(accept=("running_variance",))
    module = pair.reference.train(training)
    module.register_forward_hook(lambda layer, args, out: None)
    module[0].bias.requires_grad_(False)
    module[0].weight.grad = torch.ones(5, 4)
    torch.manual_seed(3)
    np.random.seed(3)
    before, states = snapshot(module), (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    assert verify(pair, **CPU).verdict == "match"
    after = snapshot(module)
    for name in ("dtypes", "modes", "requires", "addresses", "hooks"):
        assert after[name] == before[name], name
    for name, tensor in before["state"].items():
        assert torch.equal(after["state"][name], tensor), name
    assert [None if one is None else one.tolist() for one in after["grads"]] == [
        None if one is None else one.tolist() for one in before["grads"]
    ]
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()
    assert random.getstate() == states[2]
    assert torch.get_default_dtype() == torch.float32
    assert jnp.zeros(1).dtype == jnp.float32


def test_the_users_arrays_are_left_as_they_were():
    """Inputs, targets and variables: not written to, not frozen."""
    module, port = seeded(TorchDense), LinenDense()
    x, variables = X.copy(), jax.tree.map(np.array, port.init(jax.random.key(0), X))
    kept = copy.deepcopy(variables)
    verify(module, (port, variables), x, weight_map=DENSE_MAP, **CPU)
    x[0, 0] = x[0, 0]  # still writable
    np.testing.assert_array_equal(x, X)
    jax.tree.map(np.testing.assert_array_equal, variables, kept)


@pytest.mark.parametrize("made", [torch.tensor, jnp.array, np.array])
def test_a_batch_of_either_framework_gives_the_same_numbers(made):
    """Copied: what the tensor wanted of autograd is no part of it, and the user's own stays as it was."""
    x = made(X)
    if isinstance(x, torch.Tensor):
        x.requires_grad_()
    report = verify(seeded(TorchDense), LinenDense(), x, weight_map=DENSE_MAP, **CPU)
    known = verify(seeded(TorchDense), LinenDense(), X, weight_map=DENSE_MAP, **CPU)
    assert (report.verdict, report.form["pairs"]) == ("match", known.form["pairs"])
    np.testing.assert_array_equal(x.detach() if isinstance(x, torch.Tensor) else x, X)


def test_targets_and_recipes_may_be_tensors_too():
    """In a batch, and in what a function of a generator returns."""
    losses = (lambda out, y: ((out - y) ** 2).sum(), lambda out, y: ((out - y) ** 2).sum())

    def recipe(rng):
        return Batch.of(torch.tensor(rng.standard_normal((3, 4))), jnp.ones((3, 3)))

    assert verify(seeded(TorchDense), LinenDense(), recipe, losses, weight_map=DENSE_MAP, **CPU).verdict == "match"


class NNXDense(nnx.Module):
    """The dense network in NNX, with dropout that does nothing."""

    def __init__(self, rngs):
        self.fc, self.head = nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(jnp.tanh(self.fc(x)))


def test_three_ways_in_give_one_verdict():
    """NNX and a function of parameters, beside the Linen module above."""
    from compare.arrays.views import transposed
    from compare.weights.weights import Entry, WeightMap

    def entries(kernel, bias):
        for layer in ("fc", "head"):
            yield Entry(f"{layer}.weight", f"params/{layer}/{kernel}", transposed(1, 0))
            yield Entry(f"{layer}.bias", f"params/{layer}/{bias}")

    weight_map = WeightMap(entries("kernel", "bias"))
    params = {
        "fc": {"kernel": np.ones((4, 5)), "bias": np.ones(5)},
        "head": {"kernel": np.ones((5, 3)), "bias": np.ones(3)},
    }

    def function(params, x):
        x = jnp.tanh(x @ params["fc"]["kernel"] + params["fc"]["bias"])
        return x @ params["head"]["kernel"] + params["head"]["bias"]

    module = NNXDense(nnx.Rngs(0))
    kernel = np.array(module.fc.kernel[...])
    for port in (module, (function, params)):
        assert verify(seeded(TorchDense), port, X, weight_map=weight_map, **CPU).verdict == "match"
    np.testing.assert_array_equal(module.fc.kernel[...], kernel)


@pytest.mark.parametrize(
    ("arguments", "fields", "complaint"),
    [
        ((1,), {}, "verify: expected a reference, a port and a batch"),
        ((1, 2), {}, "verify: expected a reference, a port and a batch"),
        ((1, 2, X), {"rule": {}}, "verify: unexpected keyword argument 'rule'"),
        ((1, 2, X), {"dtype": "float64"}, "dtype: expected one of float32, bfloat16, float16, got 'float64'"),
        ((1, 2, X), {"dtype": ["float32"]}, "dtype: expected one of float32, bfloat16, float16, got ['float32']"),
        ((1, 2, X), {"seed": "a"}, "seed: expected a whole number from 0, got 'a'"),
        ((1, 2, X), {"quick": "no"}, "quick: expected True or False, got 'no'"),
        ((1, 2, X), {"progress": "no"}, "progress: expected True or False, got 'no'"),
        ((1, 2, X), {"modes": "train"}, "modes: expected a tuple of some of train, eval"),
        ((1, 2, X), {"weight_map": "x"}, "weight_map: expected a WeightMap of Entry lines, got 'x'"),
        ((1, 2, X), {"by_hand": 3}, "by_hand: expected a function of (weights, batch) in NumPy, got 3"),
        (
            (seeded(TorchDense), LinenDense(), X),
            {"batch_axes": 7},
            "batch: axes: expected an axis of x (6, 4)",
        ),
        ((1, 2, X), {"oracle_device": "gpu"}, "oracle_device: expected same or cpu, got 'gpu'"),
        ((1, 2, X), {"device": "tpu"}, "tpu"),
        (
            (seeded(TorchDense), LinenDense(), torch.ones(2, 4).to_sparse()),
            {},
            "batch: x is a torch.Tensor that cannot be copied (can't convert Sparse layout tensor to numpy.",
        ),
        ((3, LinenDense(), X), {}, "reference: expected an nn.Module or a function, got int"),
    ],
)
def test_what_cannot_start_is_one_line(arguments, fields, complaint):
    """A UsageError that says what to do."""
    with pytest.raises(UsageError) as raised:
        verify(*arguments, **({"device": "cpu"} | fields))
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_pair_stands_alone():
    """It holds everything; a second batch beside it would be passed over."""
    with pytest.raises(UsageError, match="a Pair holds everything"):
        verify(dense_pair(), batch=X)


def test_a_batch_with_targets_feeds_the_loss():
    """Both sides' losses get the outputs and the targets in their order."""
    batch = Batch.of(X, {"z": np.ones(3, np.float32), "a": np.full(3, 2.0, np.float32)})
    report = verify(
        seeded(TorchDense),
        LinenDense(),
        batch,
        (lambda out, z, a: ((out - z) * a).sum(), lambda out, z, a: ((out - z) * a).sum()),
        weight_map=DENSE_MAP,
        **CPU,
    )
    assert report.verdict == "match", str(report)
    assert "loss" in {quantity.name for quantity in report.found.quantities}


def test_the_door_is_short():
    """What ``from compare import`` offers, and nothing by accident."""
    offered = [
        "Batch",
        "Entry",
        "Optimizers",
        "Pair",
        "Report",
        "UsageError",
        "View",
        "WeightMap",
        "assert_port",
        "convert_weights",
        "optax_twin",
        "torch_twin",
        "verify",
    ]
    assert sorted(compare.__all__) == offered
    assert [name for name in dir(compare) if not name.startswith("__")] == offered
    assert {name: getattr(compare, name).__name__ for name in offered} == {name: name for name in offered}
    assert all(getattr(compare, name).__doc__ for name in offered)
    assert compare.Pair is Pair
    assert compare.UsageError is UsageError
    with pytest.raises(AttributeError, match="module 'compare' has no attribute 'nothing'"):
        compare.nothing  # noqa: B018
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from compare import Optimizers  # noqa: F401


def test_a_mesh_of_the_program_around_is_left_alone():
    """What runs on one device runs there, and afterwards the program's mesh is in context again."""
    own = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(own):
        report = verify(seeded(TorchDense), LinenDense(), X, weight_map=DENSE_MAP, **CPU, mesh=own)
        assert jax.sharding.get_mesh() == own
    assert report.verdict == "match"
    assert report.form["pairs"][0]["mesh"]["axes"] == "data=1"


def test_a_mesh_that_cannot_be_here_is_one_line():
    """JAX has started, with the devices that it has."""
    with pytest.raises(UsageError, match=r"mesh data=64: expected 64 devices, JAX has .* set jax_num_cpu_devices"):
        assert_port(seeded(TorchDense), LinenDense(), X, **CPU, mesh="data=64")
