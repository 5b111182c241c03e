"""The device that a command runs on."""

import argparse

from compare.arrays.images import load_images
from compare.cli.streams import busy, remark
from compare.frameworks import devices, environment
from compare.frameworks.devices import Device


def device_of(options: argparse.Namespace) -> Device:
    """The device, once what was typed beside it is known to be usable; said on standard error.

    Raises:
        UsageError: there are no such images, or there is no such device.
    """
    if getattr(options, "data", None):
        load_images(options.data)
    with busy("loading both frameworks"):
        device = devices.choose(options.device)
    remark(f"device: {device.name} ({environment.device_name(device)})")
    return device
