"""The command ``jaxport``, with its own packages whatever else has their names.

A file ``compare.py`` in the working folder, or a package ``compare`` on PYTHONPATH, must not be run in the place of
ours: it would end with exit code 0, which here means that everything matched. So the packages that stand beside this
file are loaded from there, before anything asks for them by name. This file's own name is one that nobody else has.

Run by its path it needs no installation: python -P PATH/jaxport_command.py verify mlp
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

PACKAGES = ("compare", "torchref", "jaxport")
FOLDER = Path(__file__).resolve().parent


def load_own_packages() -> None:
    """Put the packages that stand beside this file into ``sys.modules``, in the place of any others of their names.

    Raises:
        ImportError: one of them is not there.
    """
    for name in PACKAGES:
        spec = PathFinder.find_spec(name, [str(FOLDER)])
        if spec is None or spec.loader is None:
            raise ImportError(f"{FOLDER} lacks the package {name}: expected an installation or a checkout of jaxport")
        if getattr(sys.modules.get(name), "__file__", None) == spec.origin:
            continue
        for stranger in [module for module in sys.modules if module.split(".")[0] == name]:
            del sys.modules[stranger]
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


load_own_packages()  # not in main: a process that multiprocessing spawns reads this file, and calls nothing of it


def main() -> int:
    """Run the command that the arguments name and return its exit code."""
    from compare.cli.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
