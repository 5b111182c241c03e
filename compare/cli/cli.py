"""The command line. Frameworks are imported by the commands that need them, so that ``--help`` answers at once.

Exit code 0: everything matched. 1: something did not. 2: the command or its input is wrong, said in one line.
"""

import _thread
import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from compare.errors import UsageError

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


class Parser(argparse.ArgumentParser):
    """argparse, with its complaint on one line."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({self.prog} --help lists what there is)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    sys.unraisablehook = _keep_interrupts
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # closed by the caller: there is nobody to tell
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()  # a reader that has gone is noticed here, not by the interpreter on its way out
    except UsageError as error:
        print(f"jaxport: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxport: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough: nothing is left to say, not even on exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # a fault of ours, or of what nobody has thought of: not to be taken for a mismatch
        if "JAXPORT_TRACEBACK" in os.environ:
            raise
        text = " ".join(str(error).split())
        print(f"jaxport: {type(error).__name__}: {text} (JAXPORT_TRACEBACK=1 shows where)", file=sys.stderr)
        return 2


def _keep_interrupts(unraisable: "sys.UnraisableHookArgs") -> None:
    """Ctrl-C that lands in a callback of the garbage collector, as JAX has one, would be lost: send it again."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()  # later, or it would be lost in this hook too
    else:
        sys.__unraisablehook__(unraisable)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.run != "main_job" and arguments[0].startswith("-"):
        raise UsageError("the command comes first, its options after it")
    from compare.cli import commands

    return int(getattr(commands, options.run)(options))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="jaxport",
        description="The same model in PyTorch and in JAX, fed identical NumPy arrays: is the port the same function? "
        "Without a command, the main job: verify every pair, train both sides on real images, write a report.",
        epilog="Exit code 0: everything matched. 1: something did not. 2: the command or its input is wrong.",
    )
    parser.set_defaults(run="main_job")
    _shared(parser)
    _data(parser)
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder for the report (default: report)")
    _training(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)

    verify = commands.add_parser("verify", help="the verdict on outputs, gradients, updates and a short trajectory")
    verify.set_defaults(run="verify")
    verify.add_argument(
        "pairs", nargs="*", metavar="PAIR", help="the project's pairs, or Python files that define one (default: all)"
    )
    _shared(verify)
    _data(verify)
    verify.add_argument(
        "--dtype",
        default="float32",
        choices=("float32", "bfloat16", "float16"),
        help="working precision (default: float32)",
    )
    verify.add_argument(
        "--probes",
        default="default",
        choices=("default", "all"),
        help="'all' adds one row and an empty batch, each of which compiles anew",
    )
    verify.add_argument(
        "--oracle-device", default="same", choices=("same", "cpu"), help="where float64 runs (default: same)"
    )
    verify.add_argument(
        "--record", type=_json_path, metavar="FILE.npz", help="run the reference alone and save what the judge needs"
    )
    verify.add_argument(
        "--against", type=Path, metavar="FILE.npz", help="judge the port against such a record; needs no torch"
    )
    verify.add_argument("--strict", action="store_true", help="a notice counts: float32_only, precision, teeth")
    verify.add_argument(
        "--no-locate", action="store_true", help="where something differs, do not look for the place and the cause"
    )
    verify.add_argument("--quick", action="store_true", help="the pair's own batch alone: no probes, no mutants")
    verify.add_argument("--explain", action="store_true", help="the weight map, with the reason for each line")
    verify.add_argument("--every", action="store_true", help="list every quantity on every probe")

    new = commands.add_parser("new", help="write a commented file that defines a pair, to start from")
    new.set_defaults(run="new")
    new.add_argument("file", type=Path, nargs="?", metavar="FILE.py", help="where to write it (a lesson: NAME.py)")
    new.add_argument("--lesson", metavar="NAME", help="a lesson with one side's body left out, to be written")
    new.add_argument("--side", choices=("reference", "port"), default="port", help="of the lesson (default: port)")

    convert = commands.add_parser("convert", help="a checkpoint from one framework to the other")
    convert.set_defaults(run="convert")
    convert.add_argument("source", type=Path, metavar="IN", help="the checkpoint to read")
    convert.add_argument("target", type=Path, metavar="OUT", help="the checkpoint to write; its suffix is its format")
    convert.add_argument("--pair", metavar="FILE.py", help="the pair whose weight map converts")
    convert.add_argument("--map", type=Path, metavar="FILE.json", help="a map that --save-map wrote, instead")
    convert.add_argument(
        "--save-map", type=_json_path, metavar="FILE.json", help="also write the map, to convert without the models"
    )
    convert.add_argument(
        "--format", help="of OUT, where its suffix does not say it (torch, npz, safetensors, msgpack, orbax)"
    )
    convert.add_argument(
        "--seed", type=_whole(0), default=0, help="of the generator that draws the pair's batch (default: 0)"
    )

    contrast = commands.add_parser("contrast", help="tape against residuals: what each way keeps, and the programs")
    contrast.set_defaults(run="contrast")
    contrast.add_argument(
        "pair", nargs="?", default="mlp", metavar="PAIR", help="a pair, or a file that defines one (default: mlp)"
    )
    _shared(contrast)
    _data(contrast)

    bench = commands.add_parser("bench", help="XLA against eager: one training step, judged equal, then timed")
    bench.set_defaults(run="bench")
    bench.add_argument(
        "pair", nargs="?", default="mlp", metavar="PAIR", help="a pair, or a file that defines one (default: mlp)"
    )
    _shared(bench)
    _data(bench)
    bench.add_argument("--threads", type=_whole(1), default=1, metavar="N", help="for both frameworks (default: 1)")
    bench.add_argument("--rounds", type=_whole(3), default=30, metavar="N", help="of all variants (default: 30)")
    bench.add_argument("--quick", action="store_true", help="without torch.compile, 10 rounds")

    read = commands.add_parser("read", help="a lesson: both sources beside each other, what each returns, the verdict")
    read.set_defaults(run="read")
    read.add_argument("lesson", nargs="?", metavar="LESSON", help="what to read (without it: what there is)")
    read.add_argument("--no-run", action="store_true", help="the sources alone, at once")
    _shared(read)

    book = commands.add_parser("book", help="every lesson as a static site that opens from disk")
    book.set_defaults(run="book")
    book.add_argument("--out", type=Path, default=Path("book"), help="folder for the site (default: book)")
    _shared(book)

    train = commands.add_parser("train", help="both sides on real images, every step judged")
    train.set_defaults(run="train")
    _shared(train)
    _data(train)
    train.add_argument("--out", type=Path, help="folder for train.json and the picture of both loss curves")
    _training(train)

    env = commands.add_parser("env", help="devices, versions, precision policy, threads")
    env.set_defaults(run="env")
    _shared(env)
    return parser


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "gpu"), help="auto: a GPU if both sides see one"
    )
    parser.add_argument("--seed", type=_whole(0), default=0, help="of the one NumPy generator (default: 0)")
    parser.add_argument(
        "--json", type=_json_path, metavar="PATH", help="write the result as JSON; - for standard output"
    )


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="IDX files (MNIST, Fashion-MNIST) or .npz (default: 5,000 MNIST images)",
    )
    parser.add_argument("--batch", type=_whole(1), default=64, metavar="N", help="rows in a batch (default: 64)")


def _training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--epochs", type=_whole(1), default=15, metavar="N", help="passes over the images (default: 15)"
    )


def _json_path(text: str) -> str:
    """Refused before the run, not after it."""
    path = Path(text)
    usable = path.parent.is_dir() and os.access(path.parent, os.W_OK) and not path.is_dir()
    if text != "-" and not (text and usable):
        raise argparse.ArgumentTypeError(f"expected a file in a folder that can be written to, or -, got {text!r}")
    return text


def _whole(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
        return int(text)

    return number


if __name__ == "__main__":
    sys.exit(main())
