"""``python -m compare`` is the console command ``jaxport``."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "jaxport_command.py"), run_name="__main__")
