"""The GitHub Action's one step: verify the pair files that a change is about, and show what differs where it is.

    python -P scripts/action/verify_changed.py --pairs '**/*_pair.py' --base origin/main [options of jaxport verify]

Each file is verified by a process of its own, so that one that cannot start keeps no other from its verdict. Exit code
0: everything matched, or nothing is concerned; 1: something did not; 2: something could not start.
"""

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from changed_pairs import CannotTellError, changed_files, concerned, git, pair_files

import jaxport_command  # our own packages, whatever the repository has of their names
from compare.cli.cli import parsed
from compare.errors import UsageError
from compare.report.annotation import ERROR, annotations, workflow_command
from compare.report.markdown import folded, inline, markdown_of_pairs
from compare.verdict.counted import counted

ENDED = re.compile(r"jaxport: (?P<text>.*)")
# "file:3: ..." of a pair's file, "... (file:3)" of what a model raised: as jaxport words them.
AT_LINE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): ")
RAISED_AT = re.compile(r".*\((?P<file>[^:()]+):(?P<line>\d+)\)$")


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--pairs", default="**/*_pair.py", help="globs of the pair files, apart by blanks")
    parser.add_argument("--base", default="", help="the commit to compare with; without it every pair file is verified")
    options, passed_on = parser.parse_known_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # a file's name is any bytes
    try:
        parsed(["verify", *passed_on])  # an option that there is not is no file's fault
        os.chdir(git("rev-parse", "--show-toplevel").strip())
        files = pair_files(options.pairs.split())
        if not files:
            raise CannotTellError(f"pairs: no file of the repository matches {options.pairs!r}")
    except (CannotTellError, UsageError) as error:
        print(workflow_command(ERROR, str(error), title="jaxport"))
        return 2
    return _verified_all(_chosen(files, options.base), len(files), passed_on)


def _chosen(files: list[str], base: str) -> list[str]:
    try:
        return concerned(files, changed_files(base))
    except CannotTellError as error:
        print(workflow_command("notice", f"every pair file is verified: {error}", title="jaxport"))
        return files


def _verified_all(files: list[str], of: int, passed_on: list[str]) -> int:
    strict = "--strict" in passed_on
    pairs: list[tuple[str, Any]] = []
    codes, stopped, reports = [0], [], []
    for file in files:
        code, form, text, error = _verified(file, passed_on)
        codes.append(code)
        if form is None:
            reason = _reason(error) or f"jaxport ended with exit code {code}"
            at = AT_LINE.match(reason) or RAISED_AT.match(reason)
            ours = at if at and not Path(at["file"]).is_absolute() else None  # else it is shown nowhere
            place = {"file": ours["file"], "line": int(ours["line"])} if ours else {"file": file, "line": 1}
            print(workflow_command(ERROR, reason, **place, title=f"{file}: cannot be verified"))
            stopped.append(f"- ❌ `{file}` cannot be verified: {inline(reason)}")
            continue
        for pair in form["pairs"]:
            pairs.append((file, pair))
            print(*annotations(pair, file, strict), sep="\n", flush=True)
        reports.append(folded(f"the whole report on {file}", text))
    head = f"## jaxport\n\n{len(files)} of {counted(of, 'pair file')} concerned by this change\n"
    _summarize("\n".join([head, *stopped, "", markdown_of_pairs(pairs, strict) if pairs else "", *reports]))
    return max(code if code in (0, 1) else 2 for code in codes)


def _verified(file: str, passed_on: list[str]) -> tuple[int, Any, str, str]:
    """Exit code, JSON (None where the comparison could not start), what was printed, and standard error."""
    command = [sys.executable, "-P", str(Path(jaxport_command.__file__).resolve()), "verify", f"./{file}"]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "verify.json"
        environment = {"NO_COLOR": "1", "COLUMNS": "120", **os.environ}
        ran = subprocess.run(
            [*command, *passed_on, "--json", str(made)],
            env=environment, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        form = json.loads(made.read_text(encoding="utf-8")) if made.is_file() and ran.returncode in (0, 1) else None
    token = secrets.token_hex(8)  # between these, a line that a user's file prints is no command
    print(
        f"::group::{file}",
        f"::stop-commands::{token}",
        ran.stdout,
        ran.stderr,
        f"::{token}::",
        "::endgroup::",
        sep="\n",
    )
    return ran.returncode, form, ran.stdout, ran.stderr


def _reason(error: str) -> str:
    lines = [found["text"] for line in error.splitlines() if (found := ENDED.match(line))]
    return lines[-1].removeprefix("./") if lines else ""


def _summarize(text: str) -> None:
    """Into the job's summary; to the log where this runs elsewhere."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        print(text)
        return
    with open(target, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
