"""The device that a command runs on."""

import argparse
import os
import subprocess
import sys

from compare.arrays.images import load_images
from compare.cli.held import begun, hold
from compare.cli.streams import busy
from compare.errors import UsageError
from compare.frameworks import devices, environment
from compare.frameworks.devices import Device


def device_of(options: argparse.Namespace) -> Device:
    """The device, once what was typed beside it is known to be usable; said on standard error, of a command that takes
    a pair once that has begun.

    Raises:
        UsageError: there are no such images, or there is no such device, or XLA does not know a flag that is set.
    """
    if getattr(options, "data", None):
        load_images(options.data)
    with busy("loading both frameworks"):
        check_xla_flags()
        device = devices.choose(options.device)
    hold(f"device: {device.name} ({environment.device_name(device)})")
    if not (getattr(options, "pair", None) or getattr(options, "pairs", None)):
        begun()
    return device


def check_xla_flags() -> None:
    """Start JAX in a process of its own where XLA_FLAGS is set: XLA ends the process for a flag that it does not know,
    and the exit code 1 would say here that something differs.

    Raises:
        UsageError: it does.
    """
    if not os.environ.get("XLA_FLAGS") or "jax" in sys.modules:  # loaded already, it has read them
        return
    start = [sys.executable, "-P", "-c", "import jax; jax.devices()"]
    done = subprocess.run(start, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "XLA_FLAGS" in line]
    if done.returncode and said:
        raise UsageError(f"XLA refuses XLA_FLAGS={os.environ['XLA_FLAGS']!r}: {said[-1].partition('] ')[2]}: unset it")
