"""``python -m compare`` is the console command ``jaxport``."""

import os
import runpy

FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
runpy.run_path(os.path.join(FOLDER, "jaxport_command.py"), run_name="__main__")
