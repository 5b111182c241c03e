"""The option ``--mesh``, which several commands take, and which loads nothing."""

import argparse

from compare.frameworks.meshes.mesh_axes import mesh_axes


def add_mesh(parser: argparse.ArgumentParser) -> None:
    """What asks for one."""
    parser.add_argument(
        "--mesh",
        type=mesh_axes,
        metavar="AXES",
        help="run the port on a mesh, such as data=2,model=2, as it is annotated or as its pair's sharding= says; of a "
        "CPU its devices are made",
    )
