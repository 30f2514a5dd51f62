"""search: the recipe, the network and their honest loss, within a given time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from sklearn.base import clone

from goodfit.data.target import guess_task
from goodfit.errors import InputError
from goodfit.estimators import Classifier, Regressor
from goodfit.estimators.finding import choices_of
from goodfit.estimators.network import Network, SpaceLike
from goodfit.estimators.settings import plan_of, searches
from goodfit.locking import alone_in
from goodfit.regularizers.ranges import Space
from goodfit.studies.problem import placed

if TYPE_CHECKING:
    from goodfit.blending import Corrected
    from goodfit.studies.ablation import Effect
    from goodfit.studies.searching.finding import Found


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What came of a search.

    Args:
        estimator: fitted: it predicts by the model that was found, and saves and reports as any.
        found: everything else, as the studies have it.
    """

    estimator: Network
    found: Found

    @property
    def estimate(self) -> Corrected:
        """The loss of its networks on rows that they held out, and of the model on fresh rows, with an interval."""
        return self.found.chosen.corrected

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What each technique of the winner's recipe does to the held-out loss."""
        return self.found.ablation.effects

    def trials(self) -> pl.DataFrame:
        """A row a trial: its recipe, network, held-out loss, epochs, and whether it was trained to the end."""
        return pl.DataFrame(
            [
                {"number": trial.number}
                | trial.draft.to_dict()
                | {"loss": trial.loss, "epochs": trial.epochs, "to_the_end": trial.usable}
                for trial in self.found.trials
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Estimates, effects, baselines and the best trials, for programs."""
        return dict(self.estimator.summary_["search"])


def search(
    X: Any,
    y: Any,
    *,
    space: SpaceLike = None,
    budget: float | str = 60.0,
    estimator: Network | None = None,
    groups: Any = None,
    times: Any = None,
    folder: str | Path | None = None,
    store: str | None = None,
    backend: Literal["local", "ray"] | None = None,
    random_state: int | None = None,
) -> SearchResult:
    """Find the recipe and the network for these rows within a given time, and say honestly how good they are.

    Optuna proposes recipes and networks in batches; each batch is trained over five folds as one population, and the
    worse half of it dropped now and then. The model is a blend of the best, picked by the rows that its networks
    held out; its loss on these is corrected for that choice. The winner's techniques are tried alone and left out one
    by one, and simple models are trained beside.

    Args:
        X: an array or a data frame `(n, D)`; pictures, texts or sounds as `Classifier` takes them.
        y: the target `(n,)`.
        space: recipes with ranges, such as `L2(low=1e-6, high=0.1) + Dropout(low=0, high=0.5)` or
            "l2=1e-6..0.1, dropout=0..0.5"; None for those of the estimator, or all that is usual.
        budget: seconds, or a text such as "2min"; above 0.
        estimator: whose other settings are used; what it leaves open is searched. None to tell by the target.
        groups: `(n,)` rows of one group stay on one side of every split; None for none.
        times: `(n,)` dates or numbers: the later half of the rows is held out block by block, each by networks that
            learned from all rows before; None for rows without order.
        folder: where trials and networks are kept until the end: an interrupted search goes on from there. None for
            memory.
        store: URL of a database for the trials, such as "postgresql://..."; needs a folder too. None for a file in it.
        backend: who trains, "local" or "ray", as in `Classifier`; None for the estimator's.
        random_state: seed of everything random; None for the estimator's.

    Raises:
        InputError: (a ValueError) data or a setting can't be used as given; another process is at work in the folder;
            the store fails. What was kept is found again.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> result = search(X, y, space="l2=1e-5..0.1, early_stopping=5", budget=2)
        >>> result.estimator.score(X, y) > 0.8, result.trials().height >= 1
        (True, True)

    Source: Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions for efficient and
    accurate cross-validation, Machine Learning 107 (2018); Caruana and others, Ensemble selection from libraries of
    models, ICML 2004.
    """
    from goodfit.studies.searching.store import Store, job_of

    started = time.monotonic()
    if store is not None and folder is None:
        raise InputError("store is given without a folder, in which the networks are kept: give one too")
    asked = {"recipe": None if space is None else Space.of(space), "random_state": random_state, "backend": backend}
    given = {name: value for name, value in asked.items() if value is not None}
    made = _estimator(estimator, y).set_params(budget=budget, **given)
    if not searches(made):
        fixed = str(made.recipe)
        raise InputError(f"space is {fixed!r}, which leaves nothing open; give ranges, such as 'l2=1e-6..0.1'")
    problem = made._problem(X, y, None, getattr(made, "class_weight", None))
    problem = placed(problem, groups=groups, times=times).merged()
    if folder is None:
        made._searched(problem, started, None)
    else:
        job = job_of(problem, choices_of(made, problem), plan_of(made))
        with alone_in(Path(folder)):
            kept = Store(Path(folder), job, store)
            made._searched(problem, started, kept)
            kept.clear()
    return SearchResult(made, made.search_)


def _estimator(given: Network | None, y: Any) -> Network:
    if given is None:
        return Regressor() if guess_task(y) == "regression" else Classifier()
    if not isinstance(given, Network):
        raise InputError(f"estimator is {given!r}; give a goodfit.Classifier or Regressor")
    twin: Network = clone(given)
    return twin
