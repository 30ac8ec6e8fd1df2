"""Where the models of a report stand: the statistics of the leaderboard, on the images of the report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leaderboard.evidence import Figures, gather
from leaderboard.protocols import HEADLINES, METRICS, PROTOCOL_OF
from leaderboard.records import Scores
from leaderboard.report.analysis import Analysis
from leaderboard.standings import Standings, place_models

Comparisons = Mapping[str, Standings]  # metric -> where the models that have it stand
NO_COMPARISONS: Comparisons = {}


def compare_models(analyses: Sequence[Analysis]) -> dict[str, Standings]:
    """By every headline figure that has an interval and that a model has; none for images without classes.

    Values, intervals and tie groups are those of the leaderboard: the same resamples of the same outcomes.
    """
    found = {}
    for metric in HEADLINES:
        having = [analysis for analysis in analyses if _has_evidence(analysis, metric)]
        if having:
            models = [analysis.model for analysis in having]
            found[metric] = place_models(models, metric, gather_figures(having, metric))
    return found


def gather_figures(analyses: Sequence[Analysis], metric: str) -> Figures:
    """What a figure of several models on the same images rests on; raises as ``evidence.gather`` does."""
    outcomes = [analysis.scores[PROTOCOL_OF[metric]].outcomes for analysis in analyses]
    return gather(metric, outcomes, analyses[0].embeddings.labels.tolist())


def _has_evidence(analysis: Analysis, metric: str) -> bool:
    evidence = METRICS[metric].evidence
    outcomes = analysis.scores.get(PROTOCOL_OF[metric], Scores({})).outcomes
    return evidence is not None and evidence.outcome in outcomes
