"""``python -m compare`` is the console command ``jaxport``."""

import sys

from compare.cli import main

sys.exit(main())
