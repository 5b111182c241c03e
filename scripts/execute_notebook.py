"""Execute a notebook and write it with what its cells put out.

    python scripts/execute_notebook.py examples/verify.ipynb examples/verify.ipynb

A cell that raises shows its error, and the next one runs. What is written depends on the cells alone: when they ran,
and under which Python, is left out.
"""

import sys

import nbclient
import nbformat


def main(source: str, target: str) -> None:
    notebook = nbformat.read(source, as_version=4)
    # The streams of a cell as a reader sees them: a line that rewrites itself by its last words.
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", allow_errors=True, coalesce_streams=True
    )
    client.execute()
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
    nbformat.write(notebook, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
