"""Diagnose a search: the trainings of its ablation, and what its model predicts."""

from __future__ import annotations

from goodfit.diagnosis import Diagnosis, Evidence, accuracy_misleads, diagnose, miscalibrated, unanswered
from goodfit.studies.searching.finding import Found
from goodfit.studies.trials import gather_evidence, with_predictions

OF_PREDICTIONS = (miscalibrated, accuracy_misleads)
"""Questions that look at predictions alone: those of the model itself."""
NO_TIME = "the budget left too little time to train networks for it: a larger one does"


def diagnose_search(found: Found) -> tuple[Diagnosis, Evidence | None]:
    """The verdicts on a search, and the evidence of its ablation; None where this was too short to tell anything."""
    fitted, chosen = found.ablation.fit, found.chosen
    evidence = gather_evidence(fitted)
    asked = diagnose(evidence) if found.diagnosable else unanswered(NO_TIME)
    shown = with_predictions(evidence, fitted.prepared.problem, chosen.rows, chosen.predicted)
    told = asked.but(*(question.check(shown) for question in OF_PREDICTIONS))
    return told, evidence if found.diagnosable else None
