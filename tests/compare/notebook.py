"""A notebook, executed by a kernel in processes of its own: what its cells put out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

Output = dict[str, Any]
Notebook = dict[str, Any]

# In a process of its own: what the kernel's client leaves open there at the end is no business of other tests.
EXECUTE = Path(__file__).parents[2] / "scripts" / "execute_notebook.py"
SPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


def execute(source: Path, target: Path, folder: Path) -> Notebook:
    """Execute the notebook ``source`` and write it, with what its cells put out, to ``target``.

    The settings of whoever runs the tests are left out: the kernel finds an empty ``folder`` in their place.
    """
    own = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    quiet = {"JAX_PLATFORMS": "cpu", "PYDEVD_DISABLE_FILE_VALIDATION": "1", "OMP_NUM_THREADS": "1"}
    environment = os.environ | quiet | {name: str(folder / name.lower()) for name in own}
    command = [sys.executable, str(EXECUTE), str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text())


def outputs_of(cells: dict[str, str], folder: Path) -> dict[str, list[Output]]:
    """What each of some named cells of code puts out, run in their order."""
    made = [
        {"cell_type": "code", "id": name, "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for name, source in cells.items()
    ]
    source = folder / "cells.ipynb"
    notebook = {"cells": made, "metadata": {"kernelspec": SPEC}, "nbformat": 4, "nbformat_minor": 5}
    source.write_text(json.dumps(notebook))
    done = execute(source, folder / "done.ipynb", folder)
    return {cell["id"]: cell["outputs"] for cell in done["cells"]}


def kind_of(output: Output) -> str:
    """What an output is: "stderr", "execute_result text/html text/plain", "error UsageError"."""
    word = output["name"] if output["output_type"] == "stream" else output["output_type"]
    return " ".join([word, *sorted(output.get("data", {})), *filter(None, [output.get("ename")])])


def text_of(output: Output) -> str:
    """A stream's text."""
    return "".join(output["text"])
