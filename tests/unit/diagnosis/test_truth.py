"""The benchmark of known truths in its short form, and its tables on rows made by hand."""

from itertools import count, islice

import numpy as np
import pytest
import truth
from scipy import stats

from goodfit.diagnosis import QUESTIONS
from goodfit.studies import diagnosing

CASES, MOST_WORK = 24, 2_000_000
LARGE = 0.1


def small_cases():
    """The first of its problems that train in a second or two."""
    drawn = (truth.draw_case(seed, rows=(200, 300, 500)) for seed in count())
    return islice((case for case in drawn if case.rows * case.max_epochs * sum(case.hidden) <= MOST_WORK), CASES)


pytestmark = pytest.mark.slow  # a minute of simulations, which `make truth` does at length


@pytest.fixture(scope="module")
def judged():
    """Overfitting alone is judged, by half of the networks on fewer rows: what other verdicts need is left out."""
    measured = truth.fresh_losses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth, "FRESH", 1500)
        patch.setattr(truth, "fresh_losses", lambda prepared, results, fresh: measured(prepared, results[:5], fresh))
        patch.setattr(truth, "twice_the_rows", lambda *_: np.full(5, np.nan))
        patch.setattr(truth, "recalibrated", lambda *_: (np.nan, np.nan))
        patch.setattr(diagnosing, "strengthened", lambda *_: [])
        patch.setattr(diagnosing, "_growth", lambda *_: (np.empty(0, np.int64), np.empty((0, 0))))
        patch.setattr(diagnosing, "_continued", lambda *_: None)
        return [row for row in map(truth.judge, small_cases()) if "truth" in row]


def outcomes(judged, low: float, high: float) -> list[str]:
    """Of overfitting, where the true excess of the loss lies between these shares."""
    return [
        row["verdicts"]["overfitting"]["outcome"] for row in judged if low <= truth.effects(row)["overfitting"] < high
    ]


def test_where_there_is_nothing_to_mend_overfitting_seldom_fires(judged):
    found = outcomes(judged, -np.inf, truth.HEALTHY)
    assert len(found) >= 6
    assert found.count("fired") <= stats.binom.ppf(0.999, len(found), 0.05)
    assert found.count("passed") >= len(found) / 2


def test_where_there_is_much_to_mend_it_fires(judged):
    found = outcomes(judged, LARGE, np.inf)
    assert len(found) >= 4
    assert found.count("fired") >= stats.binom.ppf(0.01, len(found), 0.93)
    assert "passed" not in found


def test_the_interval_of_the_best_dose_holds_its_true_fall(judged):
    covered = [truth.coverage(row).get("overfitting: lower by") for row in judged]
    known = [one for one in covered if one is not None]
    assert len(known) > CASES / 2
    assert sum(known) >= stats.binom.ppf(0.001, len(known), 0.95)


def test_a_judged_case_tells_what_it_was_and_what_was_found(judged):
    row = judged[0]
    assert row["truth"]["names"][0] == row["case"]["recipe"]
    assert len(row["truth"]["losses"]) == len(row["truth"]["kinds"]) == len(row["truth"]["train"])
    assert list(row["verdicts"]) == [question.NAME for question in QUESTIONS]
    assert row["seconds"] > 0


def test_cases_are_drawn_by_their_seed_and_differ():
    assert truth.draw_case(3) == truth.draw_case(3)
    drawn = [truth.draw_case(seed) for seed in range(100)]
    for name in ("classes", "shape", "sharpness", "label_noise", "rows", "hidden", "max_epochs", "recipe"):
        assert len({getattr(case, name) for case in drawn}) > 1
    assert 0.2 < np.mean([case.recipe == "none" for case in drawn]) < 0.8


# -- tables -----------------------------------------------------------------------------------------------------------


def row(losses, kinds=None, *, train=None, fired=(), classes=2, evidence=None, **known):
    """A judged problem with these true losses, the network's own first."""
    kinds = kinds or ["dose"] * len(losses)
    found = {
        "kinds": kinds,
        "names": [f"change {place}" for place in range(len(losses))],
        "losses": losses,
        "errors": [0.0] * len(losses),
        "train": train or [0.5] * len(losses),
        "growth_now": 0.5,
        "growth_twice": 0.4,
        "growth_error": 0.0,
        "recalibrated": 0.2,
        "recalibrated_error": 0.0,
    }
    verdicts = {
        question.NAME: {"outcome": "fired" if question.NAME in fired else "passed", "evidence": {}}
        for question in QUESTIONS
    }
    for name, numbers in (evidence or {}).items():
        verdicts[name]["evidence"] = numbers
    return {"case": {"classes": classes, "label_noise": 0.1}, "truth": found | known, "verdicts": verdicts}


def test_the_effect_is_what_the_best_change_of_a_kind_would_save():
    losses, kinds = [1.2, 1.0, 1.1, 0.8, 0.6], ["dose", "dose", "dose", "capacity", "patience"]
    found = truth.effects(row(losses, kinds, train=[0.5, 0.5, 0.5, 0.4, 0.1]))
    assert found["overfitting"] == pytest.approx(0.2)
    assert found["underfitting"] == pytest.approx(0.5)
    assert found["stopped_wrong"] == pytest.approx(1.0)
    assert found["more_rows_help"] == pytest.approx(0.25)
    assert found["miscalibrated"] == pytest.approx(0.25)
    assert found["label_noise"] == 0.1
    unlearned = truth.effects(row(losses, kinds, train=[0.5, 0.5, 0.5, 0.6, 0.1]))
    assert unlearned["underfitting"] == 0.0
    assert np.isnan(truth.effects(row([1.0, float("nan")]))["overfitting"])
    assert "miscalibrated" not in truth.effects(row([1.0, 0.9], classes=0))


def test_an_interval_covers_a_truth_within_the_error_of_both():
    numbers = {"best change": "change 1", "lower by": 0.2, "lower by, low": 0.1, "lower by, high": 0.25}
    for fall, error, covers in ((0.2, 0.0, True), (0.11, 0.0, True), (0.09, 0.0, False), (0.26, 0.0, False)):
        own = row([1.0, 1 - fall], errors=[0.0, error], evidence={"overfitting": numbers})
        assert truth.coverage(own) == {"overfitting: lower by": covers}
    assert truth.coverage(row([1.0, 0.74], errors=[0.0, 0.03], evidence={"overfitting": numbers})) == {
        "overfitting: lower by": True
    }
    more = {"lower by": 0.3, "lower by, low": 0.21, "lower by, high": 0.4}
    assert truth.coverage(row([1.0, 1.0], evidence={"more_rows_help": more, "miscalibrated": more})) == {
        "more_rows_help: lower by": False,
        "miscalibrated: lower by": False,
    }


def columns(line: str) -> list[str]:
    """The cells of a line of the table of hit rates, each 22 wide."""
    return [line[16 + 22 * place : 38 + 22 * place].strip() for place in range(6)]


def test_the_table_counts_what_fired_by_the_size_of_the_effect():
    rows = [row([1.0, 1.0])] * 9 + [row([1.0, 1.0], fired=("overfitting",))]
    rows += [row([1.2, 1.0], fired=("overfitting",))] * 3 + [row([1.2, 1.0])]
    lines = truth.table(rows).splitlines()
    assert columns(lines[0]) == ["none (<1 %)", "2-5 %", "5-10 %", "10-30 %", ">30 %", ">5 %"]
    cells = columns(next(line for line in lines if line.startswith("overfitting")))
    assert cells[0].startswith("10.0 [")
    assert cells[0].endswith("] 10".rjust(4)) or cells[0].endswith(" 10")
    assert cells[3].startswith("75.0 [")
    assert cells[3].endswith(" 4")
    assert cells[1] == cells[2] == cells[4] == "-"
    assert cells[5] == cells[3]


def test_verdicts_that_were_not_asked_are_not_counted():
    own = row([1.2, 1.0])
    own["verdicts"]["overfitting"]["outcome"] = "not applicable"
    line = next(line for line in truth.table([own]).splitlines() if line.startswith("overfitting"))
    assert set(columns(line)) == {"-"}


def test_the_coverage_table_has_a_line_an_interval():
    numbers = {"best change": "change 1", "lower by": 0.2, "lower by, low": 0.1, "lower by, high": 0.25}
    rows = [row([1.0, share], evidence={"overfitting": numbers}) for share in (0.8, 0.8, 0.8, 0.5)]
    lines = truth.coverage_table(rows).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("overfitting: lower by")
    assert " 75.0 [" in lines[1]
    assert lines[1].endswith(" 4")


def test_the_confusion_table_has_a_line_a_truth():
    both = row([1.2, 1.0, 0.9], ["dose", "dose", "capacity"], train=[0.5, 0.5, 0.4], fired=("underfitting",))
    rows = [both, row([1.2, 1.0], fired=("overfitting",)), row([1.2, 1.0]), row([1.0, 1.0], fired=("good_fit",))]
    lines = truth.confusion_table(rows).splitlines()
    found = {line[:36].strip(): line[36:].split() for line in lines[1:]}
    assert found["overfits and underfits (> 5 % each)"][:4] == ["1", "0.0", "%", "100.0"]
    assert found["overfits (> 5 %)"][:2] == ["2", "50.0"]
    assert found["neither (< 1 % each)"][0] == "1"
    assert found["neither (< 1 % each)"][7] == "100.0"
