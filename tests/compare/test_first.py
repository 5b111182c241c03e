"""The whole idea once: it runs, and what it prints is small where it should be."""

import re

from compare import first


def test_it_prints_each_gradients_difference(capsys):
    """Four gradients, each with its shape, its largest entry, and a difference at float32's rounding."""
    first.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("loss")
    rows = [re.search(r"largest entry (\S+), difference (\S+)", line) for line in lines[1:]]
    assert [line.split()[0] for line in lines[1:]] == ["net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"]
    for row in rows:
        assert row is not None
        assert 0 < float(row[2]) < 1e-5 * float(row[1])
