"""The benchmark beside peers, with two of scikit-learn's on a small table."""

import json

import numpy as np
import peers
import peers_ranks
import peers_records
import peers_tables
import polars as pl
import pytest
from peers_fit import Job

ROWS = 80


@pytest.fixture
def folder(tmp_path):
    """A table of numbers, words and gaps, whose rarer class is called a."""
    random = np.random.default_rng(0)
    number = random.normal(size=ROWS)
    frame = pl.DataFrame(
        {
            "number": [None if gap else value for gap, value in zip(random.random(ROWS) < 0.1, number, strict=True)],
            "word": [[None, "red", "green"][code] for code in random.integers(3, size=ROWS)],
            "target": np.where(number + random.normal(size=ROWS) > 0.7, "a", "b"),
        }
    )
    tables = tmp_path / "tables"
    tables.mkdir()
    frame.write_parquet(tables / "small.parquet")
    return tables


def record(table, fold, peer, scores, kind="binary"):
    reason = {} if scores else {"reason": "it failed"}
    fixed = {"folds": 5, "budget": 60.0, "rows": 10, "columns": 2, "seconds": 1.0}
    return {"table": table, "fold": fold, "peer": peer, "kind": scores and kind, "scores": scores, **fixed, **reason}


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped(folder, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["--data", str(folder), "--out", str(out), "--budget", "20", "--folds", "2", "--only", "linear,mlp"]
    peers.main([*command, "--fold", "0"])
    whole = (out / "results.jsonl").read_text()
    assert whole.count("\n") == 2
    (out / "results.jsonl").write_text(whole[:-30])
    capsys.readouterr()
    peers.main(command)
    told = capsys.readouterr().out
    assert "3 of 3" in told
    assert "small  0  mlp" in told
    assert "small  0  linear" not in told
    records = peers_records.read(out / "results.jsonl")
    assert {(fold, peer) for _, _, fold, peer, _ in records} == {(f, p) for f in (0, 1) for p in ("linear", "mlp")}
    assert all(each["scores"]["roc_auc"] > 0.6 for each in records.values() if each["peer"] == "linear")
    assert "2 of 2 folds" in told
    assert "logistic or ridge" in (out / "report.html").read_text()


def test_a_fit_is_ended_after_three_budgets(folder, tmp_path):
    found = peers.carried_out(Job("small", 2, 0, "forest", 0.001), folder, tmp_path)
    assert found["scores"] is None
    assert found["reason"] == "ended after 3 times its budget"


def test_a_crash_is_a_record_with_its_reason(folder, tmp_path):
    found = peers.carried_out(Job("absent", 2, 0, "linear", 5.0), folder, tmp_path)
    assert found["scores"] is None
    assert "absent.parquet" in found["reason"]


def test_the_last_record_of_a_job_counts_and_a_line_cut_short_does_not(tmp_path):
    file = tmp_path / "results.jsonl"
    for loss in (0.5, 0.4):
        peers_records.append(file, record("t", 0, "linear", {"log_loss": loss}))
    file.write_text(file.read_text() + '{"table": "t", "peer"')
    peers_records.append(file, record("t", 1, "linear", {"log_loss": 0.3}))
    losses = [each["scores"]["log_loss"] for each in peers_records.read(file).values()]
    assert losses == [0.4, 0.3]
    assert [json.loads(line)["fold"] for line in file.read_text().splitlines() if line.endswith("}")] == [0, 0, 1]


def test_ranks_are_of_means_over_the_folds_that_all_have_and_failures_come_last():
    losses = {"goodfit": (0.3, 0.5), "linear": (0.2, 0.4), "mlp": (0.1, None), "forest": (0.3, 0.5)}
    rows = [
        record("t", fold, peer, None if loss is None else {"log_loss": loss, "roc_auc": 1 - loss})
        for peer, own in losses.items()
        for fold, loss in enumerate(own)
    ]
    rows.append(record("t", 2, "mlp", {"log_loss": 0.1, "roc_auc": 0.9}))
    (standing,) = peers_ranks.standings(rows, list(losses))
    assert len(standing.records[0]) == 2
    assert peers_ranks.ranks(standing, "log_loss") == [2.5, 1.0, 4.0, 2.5]
    assert peers_ranks.ranks(standing, "roc_auc") == [2.5, 1.0, 4.0, 2.5]
    assert [peers_ranks.beside(standing, "goodfit", peer) for peer in ("linear", "mlp", "forest")] == [-1, 1, 0]


def test_quantities_are_ranked_by_their_error_and_have_no_part_in_the_ranks_by_auc():
    rows = [record("yes", 0, peer, {"log_loss": loss, "roc_auc": 0.9}) for peer, loss in [("goodfit", 1), ("mlp", 2)]]
    errors = [("goodfit", 9.0), ("mlp", 3.0)]
    rows += [record("much", 0, peer, {"rmse": error, "r2": 0.5}, "regression") for peer, error in errors]
    found = peers_ranks.standings(rows, ["goodfit", "mlp"])
    by_loss, by_auc = peers_ranks.mean_ranks(found, None), peers_ranks.mean_ranks(found, "roc_auc")
    assert [by_loss[peer].value for peer in ("goodfit", "mlp")] == [1.5, 1.5]
    assert [by_auc[peer].value for peer in ("goodfit", "mlp")] == [1.5, 1.5]
    assert np.isfinite(by_loss["mlp"].low)
    assert np.isnan(by_auc["mlp"].low)


def test_a_table_says_what_it_is(folder):
    table = peers_tables.load("small", folder)
    assert (table.kind, table.positive) == ("binary", 0)
    assert list(table.rows.coded.dtypes.astype(str)) == ["float64", "category"]
    assert peers_tables.load("diabetes", None).kind == "regression"
    assert peers_tables.load("wine", None).kind == "multiclass"
    tested = np.concatenate([test for _, test in table.folds(4)])
    assert sorted(tested) == list(range(ROWS))


def test_disturbed_fits_alone_are_repeated(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    for fold, elsewhere in enumerate((0.0, 0.9)):
        peers_records.append(
            out / "results.jsonl", record("small", fold, "linear", {"log_loss": 0.5}) | {"elsewhere": elsewhere}
        )
    done = []

    def carried_out(job, *_):
        done.append(job.fold)
        return record("small", job.fold, "linear", {"log_loss": 0.4, "roc_auc": 0.5})

    monkeypatch.setattr(peers, "carried_out", carried_out)
    command = ["--data", str(folder), "--out", str(out), "--only", "linear", "--fold", "0,1"]
    peers.main(command)
    assert done == []
    peers.main([*command, "--disturbed"])
    assert done == [1]
    peers.main([*command, "--again"])
    assert done == [1, 0, 1]
