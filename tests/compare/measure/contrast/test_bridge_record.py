"""The program without a tape, written down."""

from compare.measure.contrast.bridge_record import record_bridge
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64


def test_the_loss_is_told_from_its_gradient(cpu):
    """By what the value needs; the values are float64's."""
    prepared = prepare(find("loose"))
    record, message = record_bridge(prepared, prepared.enter(0, 1).at(FLOAT32), cpu)
    assert message == ""
    assert record.precision is FLOAT64
    names = {
        half: [one.name for at, one in enumerate(record.operations) if (at in record.in_loss) is half]
        for half in (True, False)
    }
    assert names[True].count("mm") == 2
    assert names[False].count("mm") == 3
    assert "relu" in names[True]
    assert "relu" not in names[False]
    assert record.ours == frozenset()
