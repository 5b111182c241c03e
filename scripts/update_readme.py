"""Put real output into the README and docs/, from results/."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def excerpt(text: str) -> str:
    """The output without the second pair's part, and without the quick benchmark: the README shows the whole one."""
    first, _, rest = text.partition("\nloose: ")
    rest = re.sub(r"^bench: .*?(?=^read: )", "[and a quick benchmark]\n", rest, flags=re.MULTILINE | re.DOTALL)
    return f"{first}\n[and the pair `loose`]\n\n{rest[rest.index('training: ') :]}".rstrip()


def head(text: str) -> str:
    """The output's first five lines: the rates."""
    return "\n".join(text.splitlines()[:5])


def answer(text: str) -> str:
    """The output down to the table of quantities."""
    return text[: text.index("\nquantity ")].rstrip()


def answer_alone(text: str) -> str:
    """Where and why, without the tree."""
    lines = answer(text).splitlines()
    tree = next(at for at, line in enumerate(lines) if line.startswith("module of"))
    return "\n".join(lines[2:tree])


PAGES = {
    "README.md": {
        "main-job": ("cpu/main-job", excerpt),
        "answer": ("cpu/differs-encoder", answer_alone),
        "bench": ("cpu/bench", str.rstrip),
        "speed": ("cpu/speed", str.rstrip),
        "study": ("cpu/study", head),
    },
    "docs/contrast.md": {
        "contrast": ("cpu/contrast-mlp", str.rstrip),
        "contrast-memory": ("cpu/contrast_memory", str.rstrip),
    },
    "docs/benchmark.md": {"sweep": ("cpu/sweep", str.rstrip)},
    "docs/when-a-port-differs.md": {
        "differs-encoder": ("cpu/differs-encoder", answer),
        "differs-quantizer": ("cpu/differs-quantizer", answer),
    },
}


def main() -> None:
    for page, blocks in PAGES.items():
        text = (ROOT / page).read_text()
        for name, (result, part) in blocks.items():
            printed = part((ROOT / "results" / f"{result}.txt").read_text())
            block = f"<!-- {name} -->\n```text\n{printed}\n```"
            pattern = re.compile(rf"<!-- {name} -->\n```text\n.*?```", re.DOTALL)
            text = pattern.sub(lambda _, block=block: block, text)
        (ROOT / page).write_text(text)


if __name__ == "__main__":
    main()
