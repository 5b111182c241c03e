"""Of a reference that several processes trained, in a sentence for a person."""

from compare.report.contract import ProcessesForm, StepInProcessesForm
from compare.verdict.verdict import PASSED, Verdict


def in_processes_in_words(form: ProcessesForm) -> str:
    """In how many steps it did what one process does; else where it leaves that, by how much, and why."""
    whose = f"the reference in {form['processes']} processes"
    wrong = next((step for step in form["steps"] if step["verdict"] not in PASSED), None)
    cause = f": {form['cause']}" if form["cause"] else ""
    if wrong is not None:
        return f"{whose} leaves one process in step {wrong['step']}, at {_where(wrong)}{cause}"
    if form["verdict"] not in PASSED:
        return f"{whose} is a {form['verdict']}{cause}"
    takes = f"{whose} takes the steps of one process"
    near = next((step for step in form["steps"] if step["verdict"] != Verdict.MATCH), None)
    if near is None:
        return f"{takes}: all of {len(form['steps']):,} match"
    return f"{takes} to float32, though not in float64: first in step {near['step']}, at {_where(near)}"


def _where(step: StepInProcessesForm) -> str:
    gap, allowed = float(step["gap"]), float(step["allowed"])
    return f"{step['worst']} (gap {gap:.1e}, where rounding explains {allowed:.1e})"
