"""What a file of code is called to its reader; a notebook's cell is compiled under a name that says nothing."""

import os
import sys


def cell_of(file: str) -> str | None:
    """``In[3]`` for the file name under which IPython compiled that cell; None for any other. Imports no IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)
    label_and_name = named(file) if named is not None else None
    return label_and_name[1] if label_and_name else None


def shown_file(file: str) -> str:
    """A cell, or the path: relative to the working folder, as that is now, where it lies below it."""
    return cell_of(file) or file.removeprefix(os.getcwd() + os.sep)
