"""The action's steps, run as the workflow would in a repository made for it: annotations, summary, exit code."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.compiling import quick_environment
from tests.scripts.action.test_changed_pairs import commit, git

ROOT = Path(__file__).parents[3]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
SUITE = ROOT / "examples" / "suite"
IMPORT = "from mixer import FEATURES, TOKENS, FlaxMixer, Mixer\n"
SOUND = (SUITE / "mixer.py").read_text() + (SUITE / "mixer_pair.py").read_text().replace(IMPORT, "")
assert IMPORT not in SOUND
WRONG = SOUND.replace("approximate: bool = False", "approximate: bool = True")
assert WRONG != SOUND


def evaluated(text, inputs, event):
    """``text`` with each ``${{ a || b }}`` evaluated: of the inputs, the action's folder and the event."""

    def value(found):
        for part in found[1].split("||"):
            kind, _, name = part.strip().partition(".")
            known = {"github": {"action_path": str(ROOT), **event}, "inputs": inputs}[kind]
            if given := known[name]:
                return given
        return ""

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


class Job:
    """A job on a repository: run the action's last step, read what it leaves."""

    def __init__(self, place, summary):
        self.place, self.summary = place, summary

    def write(self, **files):
        """Pair files by their stem, in ports/."""
        (self.place / "ports").mkdir(exist_ok=True)
        for stem, text in files.items():
            (self.place / "ports" / f"{stem}.py").write_text(text)
        return commit()

    def run(self, event=None, **given):
        inputs = {name: one["default"] for name, one in ACTION["inputs"].items()} | {"args": "--device cpu"} | given
        event = {"event.pull_request.base.sha": "", "event.before": ""} | (event or {})
        step = ACTION["runs"]["steps"][-1]
        environment = {name: evaluated(text, inputs, event) for name, text in step["env"].items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.summary.write_text("")
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.place,
            env=kept | quick_environment() | environment | {"PATH": path, "GITHUB_STEP_SUMMARY": str(self.summary)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def job(tmp_path, monkeypatch):
    """One commit with a pair that is sound, and files that would stand in the way of our packages."""
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("compare", "json", "torchref"):
        (place / f"{name}.py").write_text("raise SystemExit(0)\n")
    git("init", "-q", "-b", "main")
    job = Job(place, tmp_path / "summary.md")
    job.write(sound_pair=SOUND)
    return job


def commands(ran, kind="error"):
    """The workflow commands of one kind that the runner would obey: none between ``stop-commands`` and its token."""
    obeyed = re.sub(r"::stop-commands::(\w+)\n.*?\n::\1::", "", ran.stdout, flags=re.DOTALL)
    return [line for line in obeyed.splitlines() if line.startswith(f"::{kind} ")]


def test_the_line_that_differs_is_annotated_and_the_report_is_in_the_summary(job):
    """Of the pair that changed, in a pull request; the one that did not is not even run. Exit code 1."""
    base = git("rev-parse", "HEAD").strip()
    says = 'print("::error file=x::not to be obeyed")\n'
    job.write(wrong_pair=f"{WRONG}\n{says}")
    ran = job.run({"event.pull_request.base.sha": base}, quick="true")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    (line,) = commands(ran)
    gelu = 1 + next(n for n, text in enumerate(WRONG.splitlines()) if "jax.nn.gelu" in text)
    assert line.startswith(f"::error file=ports/wrong_pair.py,line={gelu},title=wrong_pair%3A mismatch::"), line
    assert "tanh approximation of GELU" in line
    assert "not to be obeyed" in ran.stdout
    summary = job.summary.read_text()
    assert "1 of 2 pair files concerned by this change" in summary
    assert re.search(r"^\| wrong\\_pair \| `ports/wrong_pair\.py` \| ❌ mismatch \| .*GELU", summary, re.MULTILINE)
    assert "### wrong\\_pair: mismatch" in summary
    assert f"- port: the whole model, `ports/wrong_pair.py:{gelu}`" in summary
    assert re.search(r"<details>.*```text\n.*verdict +mismatch.*```", summary, re.DOTALL)
    assert "sound" not in summary


def test_a_pair_that_cannot_start_keeps_no_other_from_its_verdict(job):
    """Exit code 2, and each has its say."""
    job.write(broken_pair="import numpy\n\nraise ValueError('what: 50%')\n")
    ran = job.run(all="true", quick="true", strict="true")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    (line,) = commands(ran)
    assert line == (
        "::error file=ports/broken_pair.py,line=3,title=ports/broken_pair.py%3A cannot be verified::"
        "ports/broken_pair.py:3: ValueError: what: 50%25"
    )
    assert commands(ran, "notice") == ["::notice title=jaxport::every pair file is verified: no base to compare with"]
    summary = job.summary.read_text()
    assert "- ❌ `ports/broken_pair.py` cannot be verified: ports/broken\\_pair.py:3: ValueError" in summary
    assert "| sound\\_pair | `ports/sound_pair.py` | ✅ match |" in summary


def test_a_file_whose_name_is_no_text_has_its_say(job):
    """With what can be shown of the name."""
    job.write(**{os.fsdecode(b"\xff_pair"): "raise ValueError('no')\n"})
    ran = job.run(pairs="ports/[!s]*_pair.py", all="true")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    (line,) = commands(ran)
    assert r"ports/\udcff_pair.py" in line
    assert "ValueError: no" in line
    assert r"`ports/\udcff_pair.py` cannot be verified" in job.summary.read_text()


def test_a_port_that_raises_is_annotated_at_its_own_line(job):
    """Not at the first line of the file, which is that of a place nobody knows."""
    raises = SOUND.replace("jax.nn.gelu(", "None + jax.nn.gelu(")
    assert raises != SOUND
    job.write(raises_pair=raises)
    ran = job.run(pairs="ports/raises_pair.py", all="true", quick="true")
    line = 1 + next(n for n, text in enumerate(raises.splitlines()) if "None + " in text)
    (command,) = commands(ran)
    assert command.startswith(f"::error file=ports/raises_pair.py,line={line},title="), command


def test_an_option_that_there_is_not_is_said_once(job):
    """And at no file: none is at fault, and none is run."""
    job.write(second_pair=SOUND)
    ran = job.run(all="true", args="--quik")
    assert ran.returncode == 2
    (line,) = commands(ran)
    assert line.startswith("::error title=jaxport::unrecognized arguments: --quik: did you mean --quick?"), line
    assert "::group::" not in ran.stdout


def test_where_nothing_is_concerned_nothing_is_run(job):
    """A push of another file: exit code 0, and the summary says so."""
    before = git("rev-parse", "HEAD").strip()
    (job.place / "notes.txt").write_text("")
    commit()
    ran = job.run({"event.before": before})
    assert (ran.returncode, commands(ran)) == (0, []), ran.stdout + ran.stderr
    assert "0 of 1 pair file concerned" in job.summary.read_text()


def test_a_glob_that_matches_nothing_is_an_error(job):
    """It would let everything pass."""
    ran = job.run(pairs="models/*.py x_pair.py")
    assert ran.returncode == 2
    assert commands(ran) == ["::error title=jaxport::pairs: no file of the repository matches 'models/*.py x_pair.py'"]


def test_the_actions_inputs_are_used_and_explained():
    """Each is read by a step, and none but through the environment: no input is ever part of a script."""
    steps = ACTION["runs"]["steps"]
    text = str(steps)
    for name, one in ACTION["inputs"].items():
        assert f"inputs.{name}" in text, name
        assert len(one["description"]) > 20, name
    assert not [step for step in steps if "${{" in step.get("run", "")]


def test_the_example_workflow_gives_inputs_that_there_are():
    """And checks out the history that the base is in."""
    workflow = yaml.safe_load((ROOT / "examples" / "suite" / "workflow.yml").read_text())
    checkout, ours = workflow["jobs"]["ports"]["steps"]
    assert checkout["with"]["fetch-depth"] == 0
    assert set(ours["with"]) <= set(ACTION["inputs"])


def test_the_pages_command_runs_at_a_desk(job):
    """Where no job's summary is asked for it is printed; the options are those of ``jaxport verify``."""
    page = (ROOT / "docs" / "tests-and-ci.md").read_text()
    (command,) = re.findall(r"^    python -P PATH/TO/jaxport/(.*)$", page, re.MULTILINE)
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    script, *options = shlex.split(command)
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GITHUB_STEP_SUMMARY")}
    command = [sys.executable, "-P", str(ROOT / script), *options]
    ran = subprocess.run(command, cwd=job.place, env=kept, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 of 1 pair file concerned by this change" in ran.stdout
