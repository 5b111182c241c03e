"""``jaxport convert``: a checkpoint through the weight map; with ``--map`` it needs neither model."""

import argparse
from pathlib import Path

from compare.checkpoints.formats import FORMATS, by_suffix, suffixes
from compare.cli.meant import check_meant
from compare.cli.options import add_accept, json_path, whole
from compare.errors import UsageError

HELP = "a checkpoint from one framework to the other"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN", help="the checkpoint to read")
    parser.add_argument(
        "target",
        type=Path,
        metavar="OUT",
        help=f"the checkpoint to write; its suffix is its format: {suffixes()}",
    )
    parser.add_argument("--pair", metavar="FILE.py", help="the pair whose weight map converts")
    parser.add_argument("--map", type=Path, metavar="FILE.json", help="a map that --save-map wrote, instead")
    parser.add_argument(
        "--save-map", type=json_path, metavar="FILE.json", help="also write the map, to convert without the models"
    )
    parser.add_argument("--format", help=f"of OUT, where its suffix does not say it ({', '.join(FORMATS)})")
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="of the generator that draws the pair's batch (default: 0)"
    )
    add_accept(parser)


def run(options: argparse.Namespace) -> int:
    from compare.checkpoints.convert import Conversion, conversion_of
    from compare.checkpoints.files import read, write
    from compare.cli.named import accepting, check_pair, pair_of
    from compare.cli.results import result
    from compare.cli.streams import busy, remark
    from compare.verdict.counted import counted

    if options.pair is not None and options.map is not None:
        raise UsageError("convert: --pair and --map both say how to convert: give one of them")
    if options.pair is None and options.map is None:
        raise UsageError("convert: expected --pair FILE.py, whose weight map converts, or --map FILE.json")
    if options.map is not None and options.accept:
        raise UsageError("convert: --accept goes with --pair: a map knows already what it leaves out")
    if options.map is not None:
        check_meant(options, ("source", "target", "map", "save_map", "format"), "beside --map, which draws nothing")
    if options.pair is not None:
        check_pair(options.pair)
    checkpoint = read(options.source)
    if options.map:
        conversion = Conversion.load(options.map)
    else:
        with busy("finding the weight map"):
            conversion = conversion_of(accepting(pair_of(options.pair), options.accept), options.seed)
    target = Path(options.here, options.target)
    row = FORMATS[options.format] if options.format in FORMATS else by_suffix(target)
    converted, notes = conversion.converted(checkpoint, when_asked=row is not None and row.one_by_one)
    write(target, converted, options.format)
    if options.save_map:
        conversion.save(Path(options.here, options.save_map))
    for note in [f"{what}: {text}" for what, text in checkpoint.metadata.items()] + notes:
        remark(note)
    arrays = f"{counted(len(converted.arrays), 'array')} of the {converted.side}, from {len(checkpoint.arrays)}"
    result(f"wrote {options.target}: {arrays}")
    return 0
