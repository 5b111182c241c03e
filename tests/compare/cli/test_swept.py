"""A sweep that is cut off goes on; one of another machine or another question is refused."""

import json
from dataclasses import replace

import pytest

from compare.cli.swept import swept
from compare.errors import UsageError
from compare.measure.bench.question import Question
from compare.measure.bench.sweep_sizes import sizes
from tests.compare.report.test_bench import BENCH
from tests.compare.report.test_contract import ENVIRONMENT
from tests.compare.schemas import faults

QUESTION = Question("examples/some.py", None, "cpu", threads=1, rounds=10)
PLACES = sizes(QUESTION.pair)


@pytest.fixture
def measured():
    """What each size is asked, in order; the third interrupts where it is told to."""
    asked: list[Question] = []

    def timed(question, processes, say):
        if measured.cut and len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(question)
        more = {"environment": measured.environment, "unpublished": measured.disturbed, "title": measured.title}
        return replace(BENCH, batch=question.rows_of_batch, **more)

    def measured():
        return asked

    measured.cut, measured.environment, measured.disturbed = False, ENVIRONMENT, ""
    measured.title = "a model of width 8"
    measured.measure = timed
    return measured


def test_a_sweep_goes_on_where_it_was_cut_off(measured, tmp_path, capsys):
    """What is measured is in the file at once; nothing is measured twice; the whole holds to its schema."""
    measured.cut = True
    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    kept = json.loads((tmp_path / "sweep.json").read_text())
    assert [one["batch"] for one in kept["sizes"]] == [size.batch for size in PLACES[:2]]
    assert kept["planned"] == len(PLACES)
    measured.cut = False
    form = swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    assert [question.rows_of_batch for question in measured()] == [size.batch for size in PLACES]
    assert "sweep.json: 2 of 6 sizes are there; going on" in capsys.readouterr().err
    assert form == json.loads((tmp_path / "sweep.json").read_text())
    assert faults("bench-sweep", form) == []
    swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    assert len(measured()) == len(PLACES)


def test_a_size_that_was_disturbed_is_measured_again(measured, tmp_path):
    """It has no ratio to keep."""
    measured.disturbed = "busy"
    swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    measured.disturbed = ""
    form = swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    assert len(measured()) == 2 * len(PLACES)
    assert [one["bench"]["unpublished"] for one in form["sizes"]] == [""] * len(PLACES)


def test_another_question_needs_another_file(measured, tmp_path):
    """What was asked is kept beside what was measured."""
    swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    with pytest.raises(
        UsageError, match=r"sweep\.json: was begun with precision 'float32', now 'bfloat16' is asked for"
    ):
        swept(tmp_path / "sweep.json", replace(QUESTION, precision="bfloat16"), 1, measured.measure)


def test_an_older_file_was_asked_for_nothing_that_came_later(measured, tmp_path):
    """It goes on as what it was; with a newer option it does not."""
    swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    older = json.loads((tmp_path / "sweep.json").read_text())
    assert older["asked"].pop("tf32") is False
    (tmp_path / "sweep.json").write_text(json.dumps(older))
    swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    assert len(measured()) == len(PLACES)
    with pytest.raises(UsageError, match="was begun with tf32 False, now True is asked for"):
        swept(tmp_path / "sweep.json", replace(QUESTION, tf32=True), 1, measured.measure)


def test_another_machine_needs_another_file(measured, tmp_path):
    """No figure of one stands beside the other's."""
    measured.cut = True
    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    measured.cut, measured.environment = False, {**ENVIRONMENT, "device_name": "another processor"}
    with pytest.raises(UsageError, match=r"was begun where device_name is .*, here it is another processor"):
        swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    assert len(json.loads((tmp_path / "sweep.json").read_text())["sizes"]) == 2


def test_another_model_needs_another_file(measured, tmp_path):
    """A pair's file that was changed meanwhile."""
    measured.cut = True
    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    measured.cut, measured.title = False, "a model of width 64"
    with pytest.raises(UsageError, match="was begun with 'a model of width 8', now it is 'a model of width 64'"):
        swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)


def test_a_file_that_is_no_sweep_stays_as_it_is(measured, tmp_path):
    """Said before anything is measured."""
    (tmp_path / "sweep.json").write_text('{"mine": 1}')
    with pytest.raises(UsageError, match=r"expected what jaxport bench --sweep of this version writes"):
        swept(tmp_path / "sweep.json", QUESTION, 1, measured.measure)
    assert (tmp_path / "sweep.json").read_text() == '{"mine": 1}'
    assert measured() == []
