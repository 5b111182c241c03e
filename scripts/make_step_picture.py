"""Write docs/step.svg: the book's drawing of a training step, both sides of it, as a file that shows itself anywhere.

python -m scripts.make_step_picture
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "compare/report/book"
PICTURE = ROOT / "docs/step.svg"
WIDE, HIGH, HEAD, APART = 440, 540, 44, 24  # of one side's drawing, what stands above it, between the two
SIDES = (("torch", "reference", "PyTorch", "objects that are changed"), ("jax", "port", "JAX", "values handed on"))


def picture() -> str:
    """The SVG; its colours are the book's, light or dark as the reader's page is."""
    parts = []
    for place, (file, side, name, told) in enumerate(SIDES):
        drawn = (BOOK / f"templates/step_{file}.svg").read_text(encoding="utf-8")
        x = place * (WIDE + APART)
        parts.append(
            f'<g class="{side}">\n'
            f'<text class="name" x="{x + 8}" y="26">{name}<tspan class="note" dx="8">{told}</tspan></text>\n'
            + drawn.replace("<svg ", f'<svg x="{x}" y="{HEAD}" width="{WIDE}" height="{HIGH}" ', 1)
            + "</g>\n"
        )
    size = f'viewBox="0 0 {2 * WIDE + APART} {HEAD + HIGH}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>A training step, twice</title>\n'
    return f"{head}<style>\n{_style()}</style>\n{''.join(parts)}</svg>\n"


def _style() -> str:
    """The rules of the book's style that a drawing needs, and its colours by name for a light and a dark ground."""
    css = (BOOK / "static/book.css").read_text(encoding="utf-8")
    light, dark = [], []
    for name, value in re.findall(r"^  (--[\w-]+): (.+);$", css.split("}")[0], re.MULTILINE):
        pair = re.fullmatch(r"light-dark\((.+), (.+)\)", value)
        light.append(f"{name}: {pair[1] if pair else value};")
        dark += [f"{name}: {pair[2]};"] if pair else []
    function = re.search(r"svg \.function { fill: light-dark\((.+?), (.+?)\)", css)
    assert function is not None
    rules = [line for line in css.splitlines() if re.match(r"(\.port )?svg [.\w]", line)]
    rules = [re.sub(r"light-dark\([^)]*\)", "var(--function)", line).replace("svg ", "") for line in rules]
    return "\n".join(
        [
            f":root {{ {' '.join([*light, f'--function: {function[1]};'])} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {' '.join([*dark, f'--function: {function[2]};'])} }} }}",
            *rules,
            ".name { font-size: 19px; font-weight: 650; fill: var(--torch); }",
            ".port .name { fill: var(--jax); }",
            ".name .note { font-size: 16px; font-weight: 400; }\n",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
