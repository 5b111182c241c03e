"""Put the main job's real output into the README, from results/cpu/main-job.txt: the first pair and the training."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def excerpt(text: str) -> str:
    """The output without the second pair's part."""
    first, _, rest = text.partition("\nloose: ")
    return f"{first}\n[and the pair `loose`]\n\n{rest[rest.index('training: ') :]}".rstrip()


def main() -> None:
    readme = ROOT / "README.md"
    printed = excerpt((ROOT / "results" / "cpu" / "main-job.txt").read_text())
    block = f"<!-- main-job -->\n```text\n{printed}\n```"
    pattern = re.compile(r"<!-- main-job -->\n```text\n.*?```", re.DOTALL)
    readme.write_text(pattern.sub(lambda _: block, readme.read_text()))


if __name__ == "__main__":
    main()
