"""The types of what is read have every key that is written, and no other."""

from compare import lessons
from compare.cli.written import unlike
from compare.lessons.run import LessonReport, Returned
from compare.report.form import lesson_form
from compare.report.lesson_contract import EnvForm, LessonForm
from compare.verdict.verdict import Judgement, Verdict
from tests.compare.report.test_contract import ENVIRONMENT


def test_every_key_that_is_written_is_promised():
    """A lesson that was run and differs has all of them, at every depth."""
    differs = Returned("x", "1", "2", Judgement(Verdict.MISMATCH))
    form = lesson_form(lessons.find("tape"), LessonReport("tape", "cpu", (differs,)), ENVIRONMENT)
    assert set(form) == LessonForm.__required_keys__
    assert unlike(form, LessonForm) == ""


def test_the_environment_is_what_every_result_has_of_it():
    """And the contract's version."""
    assert EnvForm.__required_keys__ == {*ENVIRONMENT, "schema"}
