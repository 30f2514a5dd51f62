"""Which backend is asked for, what can be wrong with that, and that nothing of it is imported unasked."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commandline import QUICK, goodfit

import goodfit as public
from goodfit.backends import backend_of
from goodfit.backends.connecting import join
from goodfit.backends.ray import Ray
from goodfit.estimators.settings import device_of
from goodfit.training import Execution, train

UNASKED = """
import sys
import goodfit, goodfit.cli, goodfit.commands.fit, goodfit.commands.search, goodfit.commands.compare
from goodfit.options import trainer
goodfit.Classifier("l2=0.1", max_epochs=1, members=1, hidden=()).fit([[0.0], [1.0]] * 10, [0, 1] * 10)
trainer("local", None)
trainer("ray", "auto")
print(sorted(name for name in sys.modules if name.split(".")[0] == "ray"))
"""


def test_nothing_of_ray_is_imported_before_it_trains():
    done = subprocess.run([sys.executable, "-c", UNASKED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_name_is_a_backend():
    assert backend_of("local") is None
    assert backend_of("ray", "host:6379") == Ray("host:6379")


@pytest.mark.parametrize(
    ("name", "address", "told"),
    [
        ("dask", None, "backend is 'dask'; give 'local' or 'ray'"),
        (None, None, "backend is None; give 'local' or 'ray'"),
        ("local", "auto", "address is 'auto', but nothing trains there; give backend 'ray' too"),
    ],
)
def test_what_is_no_backend_is_refused(name, address, told):
    with pytest.raises(public.InputError, match=f"^{told}$"):
        backend_of(name, address)


def test_an_estimator_refuses_it_too():
    with pytest.raises(public.InputError, match=r"^backend is 'dask'; give 'local' or 'ray'$"):
        public.Classifier("none", backend="dask").fit([[0.0], [1.0]], [0, 1])


@pytest.fixture
def without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)


def test_ray_that_is_not_installed_is_named_with_its_extra(without_ray, tmp_path):
    with pytest.raises(public.InputError, match=r"^backend 'ray' needs Ray: pip install goodfit\[ray\]$"):
        join(None)
    table = Path(tmp_path) / "table.csv"
    table.write_text("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(60)), encoding="utf-8")
    done = goodfit("fit", table, "--target", "b", *QUICK, "--backend", "ray", "--out", tmp_path / "run")
    assert (done.status, done.err) == (2, "goodfit fit: backend 'ray' needs Ray: pip install goodfit[ray]\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_is_is_told_at_once(scheme):
    pytest.importorskip("ray")
    with pytest.raises(
        public.InputError, match=r"^no Ray cluster answers at .*:1 \(.*\): start a cluster with 'ray st"
    ):
        join(f"{scheme}localhost:1")


def test_a_gpu_of_a_node_need_not_be_here(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device_of("cuda", here=False) == "cuda"
    with pytest.raises(public.InputError, match=r"^device is 'cuda', but torch finds no GPU"):
        device_of("cuda")


class Elsewhere:
    """A backend that notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def train(self, data, runs, settings, *, execution, on_epoch=None, checkpoint=None, drop=None):
        self.asked.append(len(runs))
        return train(data, runs, settings, on_epoch=on_epoch, checkpoint=checkpoint, drop=drop)


def noted(monkeypatch, *places):
    backend = Elsewhere()
    for place in places:
        monkeypatch.setattr(f"{place}.backend_of", lambda name, address=None: backend if name == "ray" else None)
    return backend


def some_rows():
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 3))
    return X, (X[:, 0] + random.normal(size=80) > 0).astype(int)


@pytest.mark.parametrize("study", ["fit", "search", "diagnose", "dose_response", "learning_curve", "bias_variance"])
def test_every_study_of_an_estimator_trains_there(monkeypatch, study):
    backend = noted(monkeypatch, "goodfit.estimators.settings")
    X, y = some_rows()
    asked = public.Classifier("l2=0.1", hidden=(), max_epochs=1, members=2, backend="ray")
    plain = public.Classifier(None, hidden=(), max_epochs=1)
    {
        "fit": lambda: asked.fit(X, y),
        "search": lambda: public.search(X, y, space="l2=0.01..0.1", estimator=plain, budget=1, backend="ray"),
        "diagnose": lambda: public.diagnose(X, y, estimator=plain, budget=0.1, backend="ray"),
        "dose_response": lambda: public.dose_response("l2", X, y, [0, 1], estimator=asked, repeats=2),
        "learning_curve": lambda: public.learning_curve(asked, X, y, "depth", points=[0, 1], repeats=1),
        "bias_variance": lambda: public.bias_variance(asked, X, y, loss="zero_one", replicates=2),
    }[study]()
    assert backend.asked
    assert plain.backend == "local"


def test_a_comparison_trains_there(monkeypatch):
    backend = noted(monkeypatch, "goodfit.api.comparing")
    public.compare(*some_rows(), ["none", "l2=1"], seeds=2, hidden=(), max_epochs=1, backend="ray")
    assert backend.asked == [4]


SEARCH, DIAGNOSE = (pytest.param(name, marks=pytest.mark.slow) for name in ("fit", "diagnose"))


@pytest.mark.parametrize("command", [SEARCH, "fit --recipe l2=0.1", "compare --recipe none", DIAGNOSE, "demo"])
def test_every_command_that_trains_does_it_there(monkeypatch, command, tmp_path):
    backend = noted(monkeypatch, "goodfit.backends")
    X, y = some_rows()
    rows = [",".join([*map(str, row), str(label)]) for row, label in zip(X, y, strict=True)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["a,b,c,y", *rows]), encoding="utf-8")
    given = [] if command == "demo" else [table, "--target", "y"]
    name, *options = command.split()
    more = {
        "fit": ["--out", tmp_path / "run", "--budget", "2s"],
        "compare": ["--seeds", 2],
        "diagnose": ["--budget", "1s"],
    }
    if name == "demo":
        monkeypatch.setattr("goodfit.commands.demo.CONFIGURATIONS", {"none": "no regularization"})
        monkeypatch.setattr("goodfit.commands.demo.SETTINGS", public.training.Settings(hidden=(), max_epochs=1))
        more["demo"] = ["--seeds", 2, "--out", tmp_path / "run"]
    done = goodfit(name, *given, *options, *more[name], "--backend", "ray", "--address", "auto")
    assert done.status == 0, done.err
    assert backend.asked


def test_execution_says_who_trains():
    backend = Elsewhere()
    assert train(None, [], None, execution=Execution(backend=backend)) == []
    assert not backend.asked
