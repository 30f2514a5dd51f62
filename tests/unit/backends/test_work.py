"""What a task does with a group, without a cluster: turns where memory is short, put aside and gone on with."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from backend_problems import make_length, make_rows, make_runs

from goodfit.backends import work
from goodfit.backends.parts import Part
from goodfit.backends.ray import Keeping
from goodfit.backends.work import Order, carry_out, pack
from goodfit.training import Checkpoint, Execution, train
from goodfit.training.ledger import OUTCOMES, TRAINING, Ledger
from goodfit.training.loop import job_of
from goodfit.training.memory import footprint

LAST = 6


def trained(runs, dropped=(), until=(2, 4, LAST), **execution):
    """The group by tasks from rung to rung; what the first rung's members are told of, and the last report."""
    packed, settings, saved, at_once = pack(make_rows()), make_length(LAST), None, []
    order = Order(tuple(range(len(runs))), (), 0, math.inf, Execution(threads=1, **execution), True, 1)
    for place, epoch in enumerate(until):
        asked = replace(order, until=epoch, dropped=tuple(dropped) if place == 1 else ())
        answer, saved = carry_out(asked, packed, (runs, settings), saved, tell=at_once.append, began=time.monotonic())
        assert not answer.refused
    assert saved is None
    return answer.report


def memory_for(members, runs):
    job = job_of(make_rows(), runs, make_length(LAST), Execution(threads=1), batch_norm=True)
    return footprint(job).of(members)


@pytest.mark.parametrize("members", [2, 3, 100])
def test_rungs_and_turns_change_nothing(members):
    """Also where one turn averages weights and another doesn't."""
    runs = make_runs(8)
    report = trained(runs, memory=memory_for(members, runs))
    alone = train(make_rows(), runs, make_length(LAST), execution=Execution(threads=1))
    for place, result in enumerate(alone):
        assert OUTCOMES[report["outcome"][place]] == result.outcome
        np.testing.assert_array_equal(report["best"][place], result.parameters)
        np.testing.assert_array_equal(report["losses"][place, : result.epochs, 1], result.history.validation)


def test_memory_is_held_to_from_rung_to_rung(monkeypatch):
    together, resume = [], work.resumed

    def watched(*arguments):
        standing = resume(*arguments)
        together.append(len(standing.population.members) if standing.population else standing.groups.most)
        return standing

    runs = [run for run in make_runs(20) if not any("Averag" in type(part).__name__ for part in run.recipe)][:8]
    monkeypatch.setattr(work, "resumed", watched)
    trained(runs, memory=memory_for(2, runs))
    assert max(together) <= 2


def test_those_that_were_dropped_go_on_no_more():
    runs = make_runs(8)
    report = trained(runs, dropped=(0, 5), memory=memory_for(2, runs))
    outcomes = [OUTCOMES[outcome] for outcome in report["outcome"]]
    assert [place for place, outcome in enumerate(outcomes) if outcome == "dropped"] == [0, 5]
    assert report["epochs"][0] == report["epochs"][5] == 2


@pytest.mark.parametrize("order", [("out of time", "finished"), ("finished", "out of time")])
def test_what_is_saved_hangs_on_no_order(order, tmp_path):
    """Runs out of time are begun anew, those that finished are kept."""
    layout = job_of(make_rows(), make_runs(2), make_length(LAST), Execution(), batch_norm=True).layout
    keeping = Keeping(Ledger.empty(2, layout, LAST), Checkpoint(tmp_path / "state"), "job")
    for place, outcome in enumerate(order):
        one = Ledger.empty(1, layout, LAST)
        one.outcome[0] = OUTCOMES.index(outcome)
        keeping.enter(Part([place]), {name: getattr(one, name).numpy() for name in Ledger.__dataclass_fields__})
    keeping.save(last=True)
    saved = Checkpoint(tmp_path / "state").load("job")
    wanted = [TRAINING if outcome == "out of time" else OUTCOMES.index("finished") for outcome in order]
    assert saved["ledger.outcome"].tolist() == wanted
    assert torch.equal(keeping.ledger.outcome, torch.tensor([OUTCOMES.index(outcome) for outcome in order]))
