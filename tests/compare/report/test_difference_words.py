"""What is said of an entry."""

from compare.report.difference_words import apart, everything, kinks, needed, probed, signature

PLAIN = {"code": "f(x)", "equal": True, "value": 0.0, "gradient": 1e-16, "said": "", "returned": "", "probes": []}
ZEROS = {"probe": "zeros", "what": "gradient of x", "apart": "inf", "reference": 0.0, "port": "nan"}


def facing(**changes):
    return {
        "names": {"f": {}},
        "also": [],
        "plain": PLAIN,
        "adapted": None,
        "settings": "",
        "why_apart": "",
        "kinks": [],
    } | changes


def kink(at, reference, port, adapted=None):
    return {"at": at, "left": -1.0, "right": 1.0, "reference": reference, "port": port, "adapted": adapted}


def test_how_far_apart():
    """The outputs first; a gradient where these are equal; what one side says; a distribution."""
    assert apart(PLAIN) == "equal"
    assert apart(PLAIN | {"equal": False, "value": 4.7e-4}) == "4.7e-04 apart"
    assert apart(PLAIN | {"equal": False, "value": 0.41}) == "0.41 apart"
    assert apart(PLAIN | {"equal": False, "gradient": 1.4e-8}) == "gradient 1.4e-08 apart"
    assert apart(PLAIN | {"equal": False, "value": 0.5, "returned": "from step 6 on"}) == "0.5 apart, from step 6 on"
    raised = PLAIN | {"said": "torch raises IndexError: no", "returned": "nan, nan"}
    assert apart(raised) == "torch raises IndexError: no; the other returns nan, nan"
    drawn = PLAIN | {"equal": False, "value": 0.02, "returned": "standard deviations 1 and 2"}
    assert apart(drawn, sampled=True) == "another distribution (0.02 apart): standard deviations 1 and 2"


def test_kinks():
    """Two conventions each by itself, with what the adapted form says; those that agree together."""
    said = kinks(
        facing(kinks=[kink(0.0, 0.0, 1.0), kink(1.0, 1.0, 0.5, 1.0), kink(3.0, 0.0, 0.0), kink(6.0, 0.0, 0.0)])
    )
    assert said == [
        "slope at 0: 0 in torch, 1 in JAX",
        "slope at 1: 1 in torch, 0.5 in JAX, 1 adapted",
        "slope 0 at 3, 0 at 6 on both sides",
    ]


def test_a_probe_is_told_where_the_rest_agrees():
    """Not where it shows the same difference again."""
    assert probed(PLAIN | {"probes": [ZEROS]}) == ["where everything is 0: gradient of x 0 in torch, nan in JAX"]
    again = ZEROS | {"apart": 2e-8, "port": 2e-8}
    assert probed(PLAIN | {"equal": False, "gradient": 1e-8, "probes": [again]}) == []
    assert probed(None) == []


def test_what_an_adaptation_mends():
    """Equal before and after, but for one probe."""
    mended = facing(plain=PLAIN | {"probes": [ZEROS]}, adapted=PLAIN | {"code": "g(x)"})
    assert needed(mended) == "g(x)"
    assert everything(mended) == ["where everything is 0: gradient of x 0 in torch, nan in JAX (mended)"]
    assert everything(facing(why_apart="no word for it")) == ["no word for it"]


def test_a_kink_says_more_than_a_probe():
    """Of a function that has one, the gradient of everything is not told as well."""
    one = facing(plain=PLAIN | {"probes": [ZEROS]}, kinks=[kink(0.0, 0.0, 1.0)])
    assert everything(one) == ["slope at 0: 0 in torch, 1 in JAX"]


def test_a_signature():
    """As one would write it."""
    assert signature("jax.nn.gelu", {"approximate": True}) == "jax.nn.gelu(approximate=True)"
    assert signature("F.relu", {"inplace": False}) == "F.relu"
