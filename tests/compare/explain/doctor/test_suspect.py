"""What a suspect is called."""

from compare.explain.doctor.suspect import Number, Suspect


def test_a_setting_with_two_values_is_a_sentence():
    """Other words where there are better ones."""
    plain = Suspect("epsilon", "1e-05", "1e-06", None)
    assert plain.sentence == "epsilon is 1e-06 in the port, 1e-05 in the reference"
    assert plain.words == "epsilon 1e-06"
    other = Suspect("kernel", "as it is", "flipped", None, text="the port flips the kernel", short="flipped")
    assert (other.sentence, other.words) == ("the port flips the kernel", "flipped")


def test_what_counts_as_much_of_a_number():
    """Its own size; one, of zero."""
    assert [Number(own, float, str).scale for own in (-0.5, 0.0, 1e4)] == [0.5, 1.0, 1e4]
