"""``--mesh`` as an option."""

import argparse

from compare.cli.mesh_option import add_mesh


def test_axes_are_read():
    """In their order; none unless asked for."""
    parser = argparse.ArgumentParser()
    add_mesh(parser)
    assert str(parser.parse_args(["--mesh", "data=2,model=3"]).mesh) == "data=2,model=3"
    assert parser.parse_args([]).mesh is None
