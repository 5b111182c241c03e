"""The commands."""

from compare.cli.cli import main as main
