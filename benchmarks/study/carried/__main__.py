"""Weight maps and conversions of random models, counted.

Each case is a random model whose port keeps its parameters otherwise (stacked, joined, packed, channels last), with the
conversion that a person would write. The map that is found is held against it, and so are right weights and wrong ones.

    python -m benchmarks.study.carried [--cases 360] [--json results/cpu/study-weights.json]
    python -m benchmarks.study.carried --case 17   # one alone, with all that was found
"""

import argparse
import json
import sys
import warnings
from pathlib import Path

from benchmarks.study.__main__ import _quiet_start, seed_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study.carried", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=360, help="random models")
    parser.add_argument("--case", type=int, help="this one alone, in full")
    parser.add_argument("--seed", type=seed_of, default=0, help="a number, or `commit`: that of what is checked out")
    parser.add_argument("--json", type=Path, help="where the result goes; its text beside it")
    options = parser.parse_args()
    _quiet_start(False)
    warnings.simplefilter("ignore")
    import jax

    from benchmarks.study.carried.study import Tally, run, text
    from compare.frameworks import devices
    from compare.frameworks.environment import fingerprint

    if options.case is not None:
        print(json.dumps(run(options.seed, options.case), indent=1))
        return
    tally = Tally()
    for number in range(options.cases):
        tally.rows.append(run(options.seed, number))
        if number % 20 == 19:
            jax.clear_caches()
            print(f"{number + 1} of {options.cases}", file=sys.stderr, flush=True)
    form = tally.form()
    said = text(form)
    print(said)
    if options.json:
        head = {"command": f"python -m benchmarks.study.carried --cases {options.cases} --seed {options.seed}"}
        whole = head | form | {"environment": fingerprint(devices.choose("cpu"))}
        options.json.write_text(json.dumps(whole, indent=1) + "\n")
        options.json.with_suffix(".txt").write_text(said + "\n")


if __name__ == "__main__":
    main()
