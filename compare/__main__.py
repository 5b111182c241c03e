"""``python -m compare`` is the console command ``jaxport``."""

import sys

from compare.cli.cli import main

sys.exit(main())
