"""The command ``jaxport``, with its own packages whatever else has their names.

A file ``compare.py`` in the working folder, or a package ``compare`` on PYTHONPATH, must not be run in the place of
ours: it would end with exit code 0, which here means that everything matched. So the packages that stand beside this
file are loaded from there, before anything asks for them by name. This file's own name is one that nobody else has.

Ctrl-C while Python imports would end in a traceback. Here it says one line and has exit code 130 from this file's first
lines to its last, so that these come before all that takes time to import.

Run by its path it needs no installation: python -P PATH/jaxport_command.py verify mlp
"""

import os
import signal
import sys
from collections.abc import Callable

PACKAGES = ("compare", "torchref", "jaxport")
FOLDER = os.path.dirname(os.path.realpath(__file__))
INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


def _end(*given: object) -> None:
    """At once: nothing is begun yet, or everything is done."""
    os.write(2, b"jaxport: interrupted\n")
    os._exit(INTERRUPTED)


def _on_interrupt(act: Callable[..., object], instead_of: Callable[..., object]) -> None:
    """Ctrl-C does ``act`` from now on, where it did ``instead_of``: it stays ignored where it is, as under nohup."""
    if signal.getsignal(signal.SIGINT) is instead_of:
        signal.signal(signal.SIGINT, act)


def load_own_packages() -> None:
    """Put the packages that stand beside this file into ``sys.modules``, in the place of any others of their names.

    Raises:
        ImportError: one of them is not there.
    """
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    for name in PACKAGES:
        spec = PathFinder.find_spec(name, [FOLDER])
        if spec is None or spec.loader is None:
            raise ImportError(f"{FOLDER} lacks the package {name}: expected an installation or a checkout of jaxport")
        if getattr(sys.modules.get(name), "__file__", None) == spec.origin:
            continue
        for stranger in [module for module in sys.modules if module.split(".")[0] == name]:
            del sys.modules[stranger]
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


# Not where another program imports it, nor in a process that multiprocessing spawns: its parent says so.
if __name__ == "__main__" or (__name__ != "__mp_main__" and os.path.basename(sys.argv[0]).startswith("jaxport")):
    _on_interrupt(_end, instead_of=signal.default_int_handler)
load_own_packages()  # not in main: a process that multiprocessing spawns reads this file, and calls nothing of it


def main() -> int:
    """Run the command that the arguments name and return its exit code."""
    from compare.cli.cli import main as run
    from compare.cli.results import end_results

    try:
        _on_interrupt(signal.default_int_handler, instead_of=_end)  # from here on it is an exception, which tidies up
        return run()
    except KeyboardInterrupt:  # before the command's own answer to it stands
        return INTERRUPTED
    finally:
        _on_interrupt(_end, instead_of=signal.default_int_handler)
        end_results()


if __name__ == "__main__":
    sys.exit(main())
