"""``jaxport verify``: exit codes, both streams, JSON, and that every option arrives."""

import dataclasses
import re
from pathlib import Path

import pytest

import compare.verification.verification
from compare.pair import pairs
from compare.verdict.bits import PrecisionFlag
from compare.verdict.quantity import KINDS
from compare.verdict.verdict import Verdict
from compare.verification.certificates import Teeth
from compare.weights.own.line import OwnLine
from compare.weights.own.own_weights import OwnWeights
from tests.compare.command_line import CPU, LOOSE, files, jaxport, refused, strictly

FORM = "schema verdict environment pairs"
PAIR = "pair verdict device dtype quantities precision first_difference causes coverage teeth"
QUANTITY = "name kind probe verdict gap allowed error_reference error_port scale bits_reference bits_port worst"
FLAG = PrecisionFlag("port", "grad/W1", "normal", 23.0, 9.0, 2.0**14, 3, "products of bfloat16-rounded inputs")

USERS_MODELS = True
pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture(scope="module")
def loose():
    """``jaxport verify loose``, run once for all: what it came to, and its report."""
    verify, reports = compare.verification.verification.verify, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            compare.verification.verification,
            "verify",
            lambda *given, **named: reports.append(verify(*given, **named)) or reports[0],
        )
        return jaxport(*LOOSE), reports[0]


@pytest.fixture
def replay(loose, monkeypatch):
    """Have ``verify`` answer with the report that ``loose`` left, changed as asked; the list is what it was given."""

    def use(**changed):
        def answer(pair, device, precision, plan, oracle, progress, weights, mesh=None, aside=None):
            given.append((pair.name, device.name, precision.name, dataclasses.astuple(plan)[:3], oracle.name))
            return dataclasses.replace(loose[1], **changed)

        given = []
        monkeypatch.setattr(compare.verification.verification, "verify", answer)
        return given

    return use


def test_verify(loose):
    """A pair that matches: exit code 0, the verdict on standard output, the device on standard error."""
    ran, report = loose
    assert ran.code == 0
    assert re.search(r"^verdict +match$", ran.out, re.MULTILINE)
    assert re.fullmatch(r"device: cpu \(.+\)\n(verifying loose: .+\n)+", ran.err)
    assert report.verdict is Verdict.MATCH
    assert {quantity.kind for quantity in report.quantities} == set(KINDS) - {"statistics"}  # it has no buffers


def test_verify_every(replay, loose):
    """``--every`` gives each quantity on each probe a row."""
    replay()
    rows = re.findall(r"^ ?(\S+) +(\S+) +match ", jaxport(*LOOSE, "--every").out, re.MULTILINE)
    assert [probe for _, probe in rows] == [one.probe for one in loose[1].quantities]
    assert all(one.name.startswith(name) for (name, _), one in zip(rows, loose[1].quantities, strict=True))


def test_verify_json(replay, loose, tmp_path):
    """``--json``: on standard output pure and alone, in a file the same; the keys are those of the design."""
    replay()
    ran = jaxport(*LOOSE, "--json", "-")
    form = strictly(ran.out)
    assert ran.code == 0
    assert set(FORM.split()) <= set(form)
    assert [set(PAIR.split()) - set(pair) for pair in form["pairs"]] == [set()]
    assert all(set(QUANTITY.split()) <= set(quantity) for quantity in form["pairs"][0]["quantities"])
    assert (form["schema"], form["verdict"], form["pairs"][0]["pair"]) == (1, "match", "loose")
    assert jaxport(*LOOSE, "--json", "x.json").out == loose[0].out
    assert strictly((tmp_path / "x.json").read_text()) == form
    assert files(tmp_path) == ["x.json"]


def test_numbers_that_are_not_finite(replay, loose):
    """NaN and infinity are strings in JSON, and shown like any number."""
    odd = dataclasses.replace(loose[1].quantities[0].judgement, gap=float("nan"), allowed=float("inf"))
    replay(quantities=(dataclasses.replace(loose[1].quantities[0], judgement=odd),))
    (quantity,) = strictly(jaxport(*LOOSE, "--json", "-").out)["pairs"][0]["quantities"]
    assert (quantity["gap"], quantity["allowed"]) == ("nan", "inf")
    assert re.search("^ ?output .* nan +inf ", jaxport(*LOOSE).out, re.MULTILINE)


def test_options_arrive(replay):
    """Device, precision, plan and oracle's device reach the verification of each pair, by default of all."""
    given = replay()
    jaxport("verify", *CPU)
    jaxport(*LOOSE, "--dtype", "bfloat16", "--seed", 7, "--probes", "all", "--oracle-device", "cpu")
    jaxport(*LOOSE, "--quick")
    plain = ("cpu", "float32", (0, False, False), "cpu")
    assert given[:-2] == [(name, *plain) for name in pairs.REGISTRY]
    assert given[-2] == ("loose", "cpu", "bfloat16", (7, True, False), "cpu")
    assert given[-1] == ("loose", "cpu", "float32", (0, False, True), "cpu")


def test_what_is_accepted_reaches_every_pair():
    """A name that accepts nothing is refused there, by the pair's own check."""
    ran = jaxport(*LOOSE, "--quick", "--accept", "W1", "--accept", "k.bias")
    assert ran.code == 2
    assert "accept: both sides have what 'W1' matches" in ran.err


def test_options_before_the_command(replay):
    """An option before the command counts, or is refused; it is never passed over."""
    given = replay()
    assert jaxport("--seed", 7, *LOOSE).code == 2 or given[0][3][0] == 7
    ran = jaxport("--json", "-", "env", *CPU)
    assert ran.code == 2 or strictly(ran.out)


def test_mismatch(monkeypatch):
    """A port that negates its logits gives exit code 1 and the word mismatch."""
    sound = pairs.loose()
    negated = dataclasses.replace(sound, name="negated", port=lambda params, x: -sound.port(params, x))
    monkeypatch.setitem(pairs.REGISTRY, "negated", lambda rows=None: negated)
    code, out, err = jaxport("verify", "negated", *CPU, "--json", "x.json")
    device, *stages = err.splitlines()
    assert (code, device.startswith("device: ")) == (1, True)
    assert all(stage.startswith("verifying negated: ") for stage in stages)
    assert re.search(r"^verdict +mismatch$", out, re.MULTILINE)
    assert strictly(Path("x.json").read_text())["verdict"] == "mismatch"


def test_one_failing_pair(loose, monkeypatch):
    """One pair of several that does not match is enough for exit code 1, wherever it stands."""
    reports = iter([dataclasses.replace(loose[1], verdict=verdict) for verdict in (Verdict.MISMATCH, Verdict.MATCH)])
    monkeypatch.setattr(compare.verification.verification, "verify", lambda *given, **named: next(reports))
    ran = jaxport("verify", "loose", "mlp", *CPU, "--json", "-")
    assert (ran.code, strictly(ran.out)["verdict"]) == (1, "mismatch")


WEIGHTS = OwnWeights("reference", (OwnLine("params/W1", ("W1",), "transposed", tells=True),))


@pytest.mark.parametrize("asked", [False, True])
def test_weights_count_where_they_were_asked_for(replay, asked):
    """Else they are said, and the exit code is the function's."""
    replay(weights=dataclasses.replace(WEIGHTS, asked=asked))
    ran = jaxport(*LOOSE, "--json", "x.json")
    assert ran.code == int(asked)
    assert len(re.findall(r"^weights +1 of 1 array of the port", ran.out, re.MULTILINE)) == 1 + asked
    assert strictly(Path("x.json").read_text())["pairs"][0]["weights"]["lines"][0]["text"] == "transposed"


DECODER = "from tests.compare.small_decoder import decoder_pair\npair = decoder_pair({fault!r})\n"


@pytest.mark.parametrize(("fault", "verdict"), [("", "match"), ("stopped", "mismatch")])
def test_by_module(fault, verdict):
    """In bounded memory, from a file: the verdict, and how it was run; the exit code is the verdict's."""
    Path("my_pair.py").write_text(DECODER.format(fault=fault))
    ran = jaxport("verify", "my_pair.py", "--quick", "--by-module", *CPU)
    assert ran.code == (verdict != "match")
    assert re.search(rf"^verdict +{verdict}$", ran.out, re.MULTILINE)
    assert re.search(
        r"^notice +by module: the port's program in \d+ pieces, \d+ programs compiled", ran.out, re.MULTILINE
    )


def test_by_module_takes_no_record():
    """A record's runs are whole."""
    for other in ("--record", "--against"):
        ran = jaxport("verify", "loose", "--by-module", other, "reference.npz", *CPU)
        assert "--by-module takes no record" in refused(ran)


def test_weights_of_several_pairs_are_refused():
    assert "take one pair" in refused(jaxport("verify", "--original", "port", *CPU))


STRICT = {
    "match": ({}, (0, 0)),
    "float32_only": ({"verdict": Verdict.FLOAT32_ONLY}, (0, 1)),
    "precision": ({"precision": FLAG}, (0, 1)),
    "toothless": ({"teeth": Teeth(("labels shifted by one",), {"loss": ()})}, (0, 1)),
    "incomplete": ({"verdict": Verdict.INCOMPLETE}, (1, 1)),
    "invalid": ({"verdict": Verdict.INVALID}, (1, 1)),
}


@pytest.mark.parametrize("case", STRICT)
def test_strict(replay, case):
    """``--strict`` makes float32_only, a precision flag and a toothless check count; what is worse always does."""
    changed, codes = STRICT[case]
    replay(**changed)
    assert (jaxport(*LOOSE).code, jaxport(*LOOSE, "--strict").code) == codes


def test_explain(replay, loose):
    """``--explain`` prints the weight map, names that differ in a number alone in one line, and only then."""
    replay()
    assert [line.split()[:3] for line in loose[1].weight_map] == [
        [name, "->", f"params/{name}"] for name in ("W1", "b1", "W2", "b2")
    ]
    told = [line for line in jaxport(*LOOSE, "--explain").out.splitlines() if " -> " in line]
    assert [line.split()[:3] for line in told[1:]] == [["W{1-2}", "->", "W{1-2}:"], ["b{1-2}", "->", "b{1-2}:"]]
    assert not re.search(r"^map ", jaxport(*LOOSE).out, re.MULTILINE)


def test_quick():
    """The pair's own batch alone, and the report says what was left out."""
    ran = jaxport(*LOOSE, "--quick", "--json", "x.json")
    (pair,) = strictly(Path("x.json").read_text())["pairs"]
    assert (ran.code, pair["verdict"]) == (0, "match")
    assert {quantity["probe"] for quantity in pair["quantities"]} == {"batch"}
    assert (pair["teeth"]["mutants"], pair["coverage"]["probes"]) == ([], ["batch"])
    assert "quick: no probes and no mutants were run" in ran.out


FILE = """
import numpy as np
import torch
import jax.numpy as jnp
from compare import Pair
from compare.weights.entry import same
from compare.weights.weights import WeightMap


def made(port):
    return Pair(
        reference=lambda p, x: torch.tanh(x * p["w"]), port=port, batch=lambda rng: rng.standard_normal((3, 4)),
        weights=lambda rng: {"w": rng.standard_normal(4)}, weight_map=WeightMap(same("w")),
    )


sound = made(lambda p, x: jnp.tanh(x * p["w"]))
"""


def test_a_users_file(tmp_path):
    """A file is named in every place a pair's name may stand; what it defines is judged under its own name."""
    Path("mine.py").write_text(FILE)
    ran = jaxport("verify", "mine.py", "loose", "--quick", *CPU, "--json", "x.json")
    assert ran.code == 0, ran.err
    assert [pair["pair"] for pair in strictly(Path("x.json").read_text())["pairs"]] == ["mine", "loose"]
    assert jaxport("contrast", "./mine.py", *CPU).code == 0


def test_a_users_file_of_several_pairs(tmp_path):
    """All of them are verified, each under its variable's name; one that differs is enough for exit code 1."""
    Path("mine.py").write_text(FILE + "\nwrong = made(lambda p, x: jnp.tanh(x * p['w'] * 1.0001))\n")
    ran = jaxport("verify", "mine.py", "--quick", *CPU, "--json", "x.json")
    verdicts = {pair["pair"]: pair["verdict"] for pair in strictly(Path("x.json").read_text())["pairs"]}
    assert (ran.code, verdicts) == (1, {"sound": "match", "wrong": "mismatch"})
    assert "mine.py: defines 2 pairs, and this command takes one" in refused(jaxport("contrast", "mine.py", *CPU))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1", "mine.py: defines no Pair"),
        ("x = 1\n\nraise ValueError('no\\nsuch data')", "mine.py:3: ValueError: no such data"),
        ("import torch\ndef f(:", "mine.py:2: SyntaxError"),
        ("raise SystemExit(0)", "mine.py:1: SystemExit: 0"),
        (FILE.replace("port=port", "port=3"), "port: expected a Linen module (alone or with its variables)"),
        (FILE.replace("torch.tanh(x", "torch.tanh(x.nothing"), "pair mine: the reference raised AttributeError"),
        (FILE.replace("jnp.tanh(x", "jnp.tanh(x.nothing"), "pair mine: the port raised AttributeError"),
        (FILE.replace("(3, 4)", "(3, 5)"), "pair mine: the reference raised RuntimeError: The size of tensor a (5)"),
        (FILE.replace('same("w")', 'same("v")'), "weight map: v of the reference does not exist: did you mean w?"),
    ],
)
def test_a_users_file_that_cannot_be_compared(text, expected):
    """One clear line: the file and the line, or the side and its own words."""
    Path("mine.py").write_text(text)
    assert expected in refused(jaxport("verify", "mine.py", "--quick", *CPU))
