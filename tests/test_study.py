"""The study of random ports: its faults are faults, its rule for equivalent mutants holds, its tally counts right."""

import math

import numpy as np
import pytest

from benchmarks.study import bounds, planting, strangers
from benchmarks.study.__main__ import numbers_of, seed_of
from benchmarks.study.case import MARGIN, case, effect
from benchmarks.study.draw import FAMILIES
from benchmarks.study.named import called, is_planted, planted_number
from benchmarks.study.network import Op
from benchmarks.study.tables import is_a_rounding
from benchmarks.study.tally import tally, text

CASES = 6000


def drawn(number):
    return case(0, number)


def test_a_case_is_a_function_of_seed_and_number():
    """Drawn twice, network and fault are the same."""
    assert all(repr(drawn(number)) == repr(drawn(number)) for number in range(20))


def test_every_fault_has_a_place_somewhere_and_changes_the_port_alone():
    """Each kind is drawn, the port differs from the sound one, and nothing else does."""
    seen, families = set(), set()
    for number in range(CASES):
        sound, name, faulty = drawn(number)
        assert (sound.ops, sound.edit, sound.loss) != (faulty.ops, faulty.edit, faulty.loss)
        assert (sound.shape, sound.seed, sound.mode, sound.flavour) == (
            faulty.shape, faulty.seed, faulty.mode, faulty.flavour,
        )  # fmt: skip
        seen.add(name)
        families.add(sound.family)
    assert seen == set(planting.FAULTS)
    assert families == {*FAMILIES, *strangers.FAMILIES}
    assert len(seen) >= 30


def test_every_trait_of_a_stranger_is_drawn():
    """And an exact network has none but those that are no matter of precision."""
    networks = [drawn(number)[0] for number in range(1, 400, 2)]
    seen = {trait for network in networks for trait in strangers.traits(network)}
    assert seen >= {*strangers.TRAITS, "512 rows", "default run"}
    left = {trait for network in networks for trait in strangers.traits(strangers.exact(network))}
    assert left == {
        "cache, int32", "couplings", "mask of finfo.min", "Fourier layer, real parameters", "Fourier mixing",
        "512 rows", "default run",
    }  # fmt: skip


def test_plain_networks_and_those_of_strangers_have_their_own_numbers():
    """A number means the same network whichever are left out; as many are drawn as were asked for."""
    assert numbers_of(4, None) == [0, 1, 2, 3]
    assert (numbers_of(3, "plain"), numbers_of(3, "strangers")) == ([0, 2, 4], [1, 3, 5])
    assert {drawn(number)[0].family for number in numbers_of(40, "strangers")} == set(strangers.FAMILIES)


def test_the_seed_of_a_commit_is_its_hash(monkeypatch):
    """Its first eight hexadecimal digits; a number stays one."""
    answer = type("Done", (), {"stdout": "0000001f" + "a" * 32 + "\n"})
    monkeypatch.setattr("benchmarks.study.__main__.subprocess.run", lambda *_, **__: answer)
    assert (seed_of("commit"), seed_of("7")) == (31, 7)
    with pytest.raises(ValueError, match="invalid literal"):
        seed_of("head")


def test_sizes_are_spread_evenly_over_the_decades():
    """From 1e-8 to 1, as many in the lower four decades as in the upper four."""
    rng = np.random.default_rng(0)
    sizes = np.log10([planting.size_of(rng) for _ in range(2000)])
    assert -8 <= sizes.min() < -7.9
    assert -0.1 < sizes.max() <= 0
    assert abs(np.mean(sizes < -4) - 0.5) < 0.05


@pytest.mark.parametrize(("moved", "equivalent"), [(0.0, True), (1e-14, True), (1e-12, False)])
def test_a_mutant_is_equivalent_where_rounding_explains_it(moved, equivalent):
    """2^10 times a rounding of 1e-16 is 1e-13, of a quantity of size 1."""
    multiple, relative = effect({"output": np.array([1.0])}, {"output": np.array([1.0 + moved])}, {"output": 1e-16})
    assert (multiple <= MARGIN) is equivalent
    assert relative == pytest.approx(moved, abs=1e-15)


def test_a_quantity_that_is_missing_is_no_equivalent_mutant():
    """Nor is one of another shape."""
    sound = {"output": np.ones(2)}
    assert effect(sound, {}, {"output": 1.0})[0] > MARGIN
    assert effect(sound, {"output": np.ones(3)}, {"output": 1.0})[0] > MARGIN
    assert effect(sound, {"output": np.array([1.0, np.nan])}, {"output": 1.0})[0] > MARGIN


def row(number, sound, faulty, equivalent=False, draw=0):
    tools = {"assert_close": False, "assert_allclose": True}
    return {
        "case": number, "draw": draw, "family": "mlp", "flavour": "nnx", "mode": "eval", "loss": "mse",
        "fault": "epsilon off", "sound": {"verdict": sound, **tools}, "faulty": {"verdict": faulty, **tools},
        "equivalent": equivalent, "multiple": 1e9, "relative": 1e-5, "seconds": [1.0, 2.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "total", "words"),
    [(0, 2000, "0 of 2,000, below 0.15 % at 95 %"), (0, 59, "0 of 59, below 5.0 % at 95 %"), (0, 0, "none tried")],
)
def test_a_rate_of_nothing_has_a_bound(count, total, words):
    """1 - 0.05^(1/n); rounded upwards."""
    assert bounds.in_words(count, total) == words


def test_the_bound_is_the_rate_at_which_so_few_are_seen_once_in_twenty():
    """Clopper and Pearson's, against the binomial sum itself."""
    rate = bounds.upper(2, 40)
    chances = [math.comb(40, k) * rate**k * (1 - rate) ** (40 - k) for k in range(3)]
    assert sum(chances) == pytest.approx(0.05)
    assert bounds.upper(3, 3) == 1.0


def test_accused_excused_and_refused_are_counted_by_network():
    """Two draws of one network are one; a port that could not start is neither accused nor excused."""
    rows = [
        row(1, "mismatch", "mismatch"),
        row(1, "incomplete", "mismatch", draw=1),
        row(3, "float32_only", "float32_only"),
        row(5, "refused", "refused"),
        row(7, "match", "match", equivalent=True),
        row(9, "match", "refused") | {"proved": 2.0**11},
    ]
    form = bounds.bounds([made | {"traits": ["couplings"]} for made in rows])
    counts = {name: (form[name]["count"], form[name]["of"]) for name in ("accused", "excused", "refused")}
    assert counts == {"accused": (1, 4), "excused": (1, 2), "refused": (1, 5)}
    assert form["by_trait"] == {"couplings": {"networks": 5, "accused": 1, "excused": 1, "refused": 1, "faulty": 2}}
    assert form["unproved"] == [9]
    assert "excused, by case" in bounds.lines(form)


def test_the_tally_counts_alarms_misses_and_equivalents_apart():
    """A false alarm, a miss as float32_only, an equivalent mutant and a pair that could not start."""
    rows = [
        row(0, "match", "mismatch"),
        row(1, "mismatch", "invalid"),
        row(2, "match", "float32_only"),
        row(3, "match", "match", equivalent=True),
        row(4, "match", "refused"),
        row(4, "match", "invalid", draw=1),
    ]
    form = tally(rows)
    assert (form["networks"], form["sound"]["count"], form["faulty"]["count"]) == (5, 6, 4)
    assert form["sound"]["false_alarms"] == {"jaxport": 1, "assert_close": 0, "assert_allclose": 6}
    assert form["not_match"] == [[1, 0]]
    assert form["faulty"]["detected"] == {"jaxport": 3, "assert_close": 0, "assert_allclose": 4}
    assert form["faulty"]["told_apart"] == {"jaxport": 2, "assert_close": 0, "assert_allclose": 0}
    assert form["missed"] == [[2, 0]]
    assert (form["equivalent"]["count"], form["refused"]) == (1, [[4, 0]])
    assert "5 random networks: 6 sound ports, 4 faulty ones of 1 kinds; 1 equivalent mutants apart" in text(form)


HELD = Op("attention", "a", {"width": 8, "heads": 2, "steps": 6, "base": 10000.0, "held": ("buffer", "numpy32")})


@pytest.mark.parametrize(
    ("other", "is_one"),
    [
        (HELD.but(base=10000.0 * (1 + 1e-8)), True),
        (HELD.but(base=10000.1), False),
        (HELD.but(base=10001.0), False),
        (HELD.but(base=10000.0 * (1 + 1e-8), query_offset=1.0), False),
        (HELD.but(base=10000.0 * (1 + 1e-8), held=None), False),
    ],
)
def test_a_base_that_float32_does_not_tell_apart_is_no_fault(other, is_one):
    """What is held of it is a rounding of the right table; a tenth more in the base is not."""
    assert is_a_rounding(HELD, other) is is_one


def test_every_fault_is_called_something():
    """By the longest beginning of its name that is known; what is not known is no pattern."""
    assert all(called(name) for name in planting.FAULTS)
    assert called("scale plus one") != called("scale missing")
    with pytest.raises(KeyError):
        called("unheard of")


def test_a_named_cause_is_held_against_the_planted_one():
    """By what it is called, and by the number that it says of the port."""
    right = {"setting": "epsilon", "text": "epsilon is 1e-06 in the port, 1e-05 in the reference"}
    assert is_planted("epsilon 1e-6 for 1e-5", right, 1e-6)
    assert not is_planted("epsilon 1e-6 for 1e-5", right, 1e-3)
    assert not is_planted("tanh GELU for exact", right, None)
    (_, name, faulty) = next(case(0, n) for n in range(0, 400, 2) if case(0, n)[1] == "epsilon off")
    own = next(case(0, n)[0] for n in range(0, 400, 2) if case(0, n)[1] == "epsilon off")
    (off,) = [two["eps"] for one, two in zip(own.ops, faulty.ops, strict=True) if one != two]
    assert (name, planted_number(own, faulty)) == ("epsilon off", off)
    assert planted_number(own, own) is None


def test_causes_are_counted_by_whether_they_are_the_planted_one():
    """One that is not among several is enough to be wrong."""
    told = {"verdict": "mismatch", "assert_close": True, "assert_allclose": True}
    row = {"sound": told | {"verdict": "match"}, "faulty": told, "family": "mlp", "flavour": "linen", "mode": "eval",
           "loss": "mse", "fault": "epsilon off", "equivalent": False, "relative": 1.0, "seconds": [0, 0]}  # fmt: skip
    right, other = ({"setting": "s", "text": text, "planted": text == "right"} for text in ("right", "other"))
    causes = [[right], [right, right], [right, other], []]
    form = tally([row | {"case": n, "causes": own} for n, own in enumerate(causes)] + [row | {"case": 9}])
    assert form["named"] == {
        "asked": 4,
        "planted": 2,
        "another": [[2, "epsilon off", ["right", "other"]]],
        "none": {"epsilon off": 1},
    }
    assert "causes: the planted cause is certain 2 (50.0%), another is 1 (25.0%), none is 1 (25.0%)" in text(form)
