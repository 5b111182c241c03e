"""Does `jaxport bench` say the same each time? So many whole runs, each with its caches empty, and what they publish.

    python benchmarks/repeatability.py FOLDER [--runs 10] [--beside N] [--pair mlp] [--json results/cpu/NAME.json]

Every headline's ratio in each run that publishes one, and how far the furthest is from the median of all; wanted are
nine runs of ten that publish, and none further than 5 % off. With `--beside 1` a process that burns a core runs all the
while: then a run may refuse, but what it publishes must be as near to the median of --against, a result of quiet runs.
Runs that lie in FOLDER already are not made again. Exit code 1: a ratio is further off, or too few are published.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compare.cli.itself import itself

WITHIN = 0.05  # of the median
PUBLISHED = 0.9  # of the runs
BURN = "while True: pass"
Form = Mapping[str, Any]  # of ``jaxport bench --json``


@contextmanager
def beside(count: int) -> Iterator[None]:
    """So many processes that each keep a processor busy."""
    burning = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for one in burning:
            one.kill()
            one.wait()


def made(folder: Path, pair: str, runs: int, burning: int) -> list[Form]:
    """The results of ``runs`` runs, those that are there already taken as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    forms = []
    for number in range(1, runs + 1):
        path = folder / f"run-{number}.json"
        if not path.exists():
            print(f"run {number} of {runs}", file=sys.stderr)
            with beside(burning):
                subprocess.run(itself("bench", pair, "--json", str(path)), check=True, stdout=subprocess.DEVNULL)
        forms.append(json.loads(path.read_text()))
    return forms


def ratios(forms: list[Form]) -> dict[str, dict[str, list[float]]]:
    """By what is answered and by which clock: the ratio in each run that publishes it."""
    found: dict[str, dict[str, list[float]]] = {}
    for form in forms:
        for one in form["headlines"]:
            by = found.setdefault(one["against"], {"by_wall": [], "by_processor": []})
            for clock, values in by.items():
                values.append(one[clock]["value"])
    return found


def result(forms: list[Form], burning: int, against: Form | None) -> dict[str, Any]:
    """What is kept: each ratio's values, median, and the furthest from it (or from the quiet runs' median)."""
    answers: dict[str, Any] = {}
    for question, clocks in ratios(forms).items():
        for clock, values in clocks.items():
            middle = against["ratios"][question][clock]["median"] if against else statistics.median(values)
            furthest = max(abs(value / middle - 1) for value in values)
            answers.setdefault(question, {})[clock] = {"median": middle, "furthest": furthest, "values": values}
    return {
        "runs": len(forms),
        "published": sum(not form["unpublished"] for form in forms),
        "refused": [form["unpublished"] for form in forms if form["unpublished"]],
        "noise": [form["noise"] for form in forms],
        "beside": burning,
        "ratios": answers,
        "environment": forms[0]["environment"],
    }


def lines(told: Mapping[str, Any]) -> list[str]:
    """What ``result`` returned, to read."""
    text = [
        f"{told['published']} of {told['runs']} runs publish ratios, {told['beside']} burning processes beside them"
    ]
    text += [f"  refused: {why}" for why in told["refused"]]
    for question, clocks in told["ratios"].items():
        for clock, one in clocks.items():
            name = f"{question}, {clock.replace('_', ' ')}"
            text.append(f"  {name:55s} {one['median']:.2f} times, the furthest {one['furthest']:.1%} off")
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--beside", type=int, default=0)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--pair", default="mlp")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    against = json.loads(options.against.read_text()) if options.against else None
    told = result(made(options.folder, options.pair, options.runs, options.beside), options.beside, against)
    print("\n".join(lines(told)))
    worst = max((one["furthest"] for clocks in told["ratios"].values() for one in clocks.values()), default=0.0)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    return int(worst > WITHIN or (not options.beside and told["published"] < PUBLISHED * told["runs"]))


if __name__ == "__main__":
    sys.exit(main())
