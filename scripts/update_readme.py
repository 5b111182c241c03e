"""Put real output into the README, from results/cpu: the main job's (first pair and training), and the benchmarks'."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDY = 5  # lines of its result: the rates


def excerpt(text: str) -> str:
    """The output without the second pair's part."""
    first, _, rest = text.partition("\nloose: ")
    return f"{first}\n[and the pair `loose`]\n\n{rest[rest.index('training: ') :]}".rstrip()


def main() -> None:
    readme, results = ROOT / "README.md", ROOT / "results" / "cpu"
    text = readme.read_text()
    for name in ("main-job", "bench", "speed", "study"):
        printed = (results / f"{name}.txt").read_text()
        printed = excerpt(printed) if name == "main-job" else printed.rstrip()
        printed = "\n".join(printed.splitlines()[:STUDY]) if name == "study" else printed
        block = f"<!-- {name} -->\n```text\n{printed}\n```"
        pattern = re.compile(rf"<!-- {name} -->\n```text\n.*?```", re.DOTALL)
        text = pattern.sub(lambda _, block=block: block, text)
    readme.write_text(text)


if __name__ == "__main__":
    main()
