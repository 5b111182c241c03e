"""Write compare/lessons/facing.json: which statements of each lesson's two sides do the same, found by running both.

python -m scripts.make_facing            # of every lesson and of the training programs
python -m scripts.make_facing tape views # of these, the others as they are
"""

import json
import sys

from compare.frameworks import devices
from compare.lessons import LESSONS, find
from compare.lessons.align import FACING, digest, recorded
from compare.lessons.observe import TRAINED, of_lesson, of_model
from compare.lessons.sources import both


def main() -> None:
    """One line for each pair of sources, in order: what changed is seen at once."""
    device, named = devices.choose("cpu"), [find(name) for name in sys.argv[1:]]
    found = dict(recorded()) if named else of_model()
    for lesson in named or LESSONS.values():
        print(lesson.name, flush=True)
        found |= of_lesson(lesson, device)
    shown = [(lesson.file, name) for lesson in LESSONS.values() for name in (lesson.function, *lesson.also)]
    keys = sorted({digest(*(one.text for one in both(*where))) for where in [*shown, *TRAINED]} & set(found))
    lines = ",\n".join(f'"{key}": {json.dumps(found[key])}' for key in keys)  # and none of texts that are gone
    FACING.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
