"""What users wait for: importing, helping, the demo, and a fit within its budget; seconds and peak memory.

    python benchmarks/commands.py [--seeds 0 1 2]

`fit` runs on the loans with `--budget 30s` for each seed; the test AUC is printed beside logistic regression's and
histogram boosting's on the same training and test rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from goodfit.examples import load_loans
from goodfit.studies.problem import read_problem
from goodfit.studies.testing import split_test

LOANS = Path(__file__).parents[1] / "src" / "goodfit" / "examples" / "lending_club.parquet"
COMMAND = str(Path(sys.executable).parent / "goodfit")


def timed(*command: str) -> tuple[float, float, str]:
    """Seconds, peak gigabytes and standard output of a command."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, subprocess.Popen(command, stdout=output) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        output.seek(0)
        return seconds, used.ru_maxrss / 1e6, output.read()


def rivals(seed: int) -> dict[str, float]:
    frame = load_loans().to_pandas()
    y = (frame.pop("target") == "bad").to_numpy()
    problem = read_problem(frame.assign(row=range(len(frame))), y)
    train, test = (part.table.columns[-1].values.astype(int) for part in split_test(problem, 0.2, seed))
    plain = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        remainder=StandardScaler(),
    )
    coded = frame.apply(lambda column: column if column.dtype.kind in "if" else column.astype("category").cat.codes)
    logistic = make_pipeline(plain, LogisticRegression(max_iter=2000)).fit(frame.iloc[train], y[train])
    boosting = HistGradientBoostingClassifier(random_state=0).fit(coded.iloc[train], y[train])
    return {
        "logistic": roc_auc_score(y[test], logistic.predict_proba(frame.iloc[test])[:, 1]),
        "boosting": roc_auc_score(y[test], boosting.predict_proba(coded.iloc[test])[:, 1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    for name, command in {
        "python -c pass": (sys.executable, "-c", "pass"),
        "import goodfit": (sys.executable, "-c", "import goodfit"),
        "goodfit.Classifier": (sys.executable, "-c", "import goodfit; goodfit.Classifier"),
        "goodfit --help": (COMMAND, "--help"),
    }.items():
        print(f"{name:<24} {min(timed(*command)[0] for _ in range(3)):6.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak, _ = timed(COMMAND, "demo", "--out", f"{folder}/demo")
        print(f"{'goodfit demo':<24} {seconds:6.2f} s, peak {peak:.2f} GB")
        for seed in args.seeds:
            options = (
                "--target",
                "target",
                "--budget",
                "30s",
                "--json",
                "--seed",
                str(seed),
                "--out",
                f"{folder}/{seed}",
            )
            seconds, peak, output = timed(COMMAND, "fit", str(LOANS), *options)
            row = next(row for row in json.loads(output)["table"]["rows"] if "test_roc_auc" in row["cells"])
            chosen = [r for r in json.loads(output)["table"]["rows"] if "test_roc_auc" in r["cells"]][-1]
            auc = chosen["cells"]["test_roc_auc"]
            beside = ", ".join(f"{name} {value:.3f}" for name, value in rivals(seed).items())
            print(
                f"{f'goodfit fit, seed {seed}':<24} {seconds:6.2f} s, peak {peak:.2f} GB, test AUC "
                f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}], {row['recipe']} "
                f"{row['cells']['test_roc_auc']['value']:.3f}, {beside}"
            )


if __name__ == "__main__":
    main()
