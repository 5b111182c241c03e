"""What a compiled program takes beside its plan: the kernels of convolutions on the CPU lay their operands out anew."""

import re

from compare.frameworks.steps.xla_program import bytes_made, computations

_OPERANDS = re.compile(r"convolution\(([^)]*)\)")
_SPREAD = re.compile(r"lhs_dilate=([\dx]+)")


def xla_workspace(text: str) -> int:
    """Bytes that the largest convolution of a program for the CPU may take for a copy of both its operands, which XLA's
    plan of temporaries does not hold; 0 of a program without one. It is a bound: a kernel may copy less.

    Args:
        text: of the optimized program.
    """
    most = 0
    for ran in computations(text)[1].values():
        sizes = {one.name: bytes_made(one.text) for one in ran}
        for one in ran:
            if one.opcode != "convolution" or not (found := _OPERANDS.search(one.text)):
                continue
            names = [name.split()[-1].removeprefix("%") for name in found[1].split(",")]
            copied = [sizes.get(name, 0) for name in names]
            if spread := _SPREAD.search(one.text):  # the zeros between its entries are written out
                for times in spread[1].split("x"):
                    copied[0] *= int(times)
            most = max(most, sum(copied))
    return most
