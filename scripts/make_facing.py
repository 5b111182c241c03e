"""Write compare/lessons/facing.json: which statements of each lesson's two sides do the same, found by running both.

python -m scripts.make_facing            # of every lesson and of the training programs
python -m scripts.make_facing tape views # of these, the others as they are
"""

import json
import sys

from compare.frameworks import devices
from compare.lessons import LESSONS, find
from compare.lessons.align import FACING, recorded
from compare.lessons.observe import of_lesson, of_model


def main() -> None:
    """One line for each pair of sources, in order: what changed is seen at once."""
    device, named = devices.choose("cpu"), [find(name) for name in sys.argv[1:]]
    found = dict(recorded()) if named else of_model()
    for lesson in named or LESSONS.values():
        print(lesson.name, flush=True)
        found |= of_lesson(lesson, device)
    lines = ",\n".join(f'"{key}": {json.dumps(pairs)}' for key, pairs in sorted(found.items()))
    FACING.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
