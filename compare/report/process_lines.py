"""Of a reference that several processes trained, in a sentence for a person."""

from compare.report.contract import ProcessesForm


def in_processes_in_words(form: ProcessesForm) -> str:
    """In how many steps it did what one process does; else where it leaves that, by how much, and why."""
    whose = f"the reference in {form['processes']} processes"
    wrong = next((step for step in form["steps"] if step["verdict"] != "match"), None)
    if wrong is None and form["verdict"] == "match":
        return f"{whose} takes the steps of one process: all of {len(form['steps']):,} match"
    cause = f": {form['cause']}" if form["cause"] else ""
    if wrong is None:
        return f"{whose} is a {form['verdict']}{cause}"
    how = f"gap {float(wrong['gap']):.1e}, where rounding explains {float(wrong['allowed']):.1e}"
    return f"{whose} leaves one process in step {wrong['step']}, at {wrong['worst']} ({how}){cause}"
