"""What a process leaves of what it ran."""

import json
import os
import subprocess
from pathlib import Path

from compare.cli.itself import RAN, itself
from compare.cli.many.ran import Ran, beside, leave_it, read_it, versions_here
from compare.frameworks.environment import installed

FILE = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent / "hidden"))
import only_there
"""


def test_the_command_leaves_the_modules_that_a_file_found_by_itself(tmp_path):
    """Python's own, installed ones and this project's are not among them; their versions are."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "only_there.py").write_text("import json")
    (tmp_path / "own.py").write_text(FILE)
    place = tmp_path / "ran.json"
    done = subprocess.run(
        itself("verify", str(tmp_path / "own.py"), "--device", "cpu"),
        env={**os.environ, RAN: str(place)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "no pair" in done.stderr or "defines" in done.stderr) == (2, True), done.stderr
    ran = read_it(place)
    assert set(map(Path, ran.files)) == {tmp_path / "own.py", tmp_path / "hidden" / "only_there.py"}
    assert ran.versions == versions_here()
    assert beside(ran, [tmp_path / "own.py"]) == [str(tmp_path / "hidden" / "only_there.py")]


def test_what_is_left_is_read(tmp_path):
    """What is damaged, or was not written in time, is none."""
    leave_it(tmp_path / "here.json")
    assert read_it(tmp_path / "here.json").versions["numpy"] == installed("numpy")
    (tmp_path / "here.json").write_text(json.dumps({"files": 3}))
    assert read_it(tmp_path / "here.json") is read_it(tmp_path / "nowhere.json") is None
    assert beside(None, []) == beside(Ran(), []) == []
    assert "python" in versions_here()
