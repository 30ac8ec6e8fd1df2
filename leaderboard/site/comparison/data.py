"""All that the compare page says about any two models of a data set, as small as it can be written. Pure.

Every statistic is computed here; the page's script subtracts, sorts and draws. Numbers of pairs stand in the order
of (0, 1), (0, 2), …, (1, 2), … of the models, which are best first; packing.py says how.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, isfinite, nan

import numpy as np

from leaderboard.columns import title_of
from leaderboard.genera import DEVIATIONS, GenusStandings
from leaderboard.mistakes import tally_names
from leaderboard.ranking import compute_pair_half_widths
from leaderboard.records import Metric, Result
from leaderboard.render.cells import LEAST_P
from leaderboard.render.comparison import SMOKE_TEST
from leaderboard.render.findings import list_doubts
from leaderboard.rows import Row, describe_data_licence
from leaderboard.sections import Section
from leaderboard.site.comparison.packing import pack_counts, pack_flags, pack_thousandths
from leaderboard.site.material import Material, name_thumbnail
from leaderboard.site.words import name_classes
from leaderboard.standings import Standings
from leaderboard.statistics import LEVEL

DIGITS = 5  # of figures, which are shown with three
REPORTED = "reported by others, without what became of every image: nothing says how sure it is"

Data = dict[str, object]


def list_comparable(section: Section) -> list[Row]:
    """The rows that any two can be taken from, best first: comparable, and with the figure that ranks."""
    first = section.columns[0].name
    return [row for row in section.measured if row.is_comparable and isfinite(row.metrics.get(first, nan))]


def explain_left_out(section: Section) -> dict[str, str]:
    """Why each of the others that have figures there, or were tried, cannot be compared: model -> reason."""
    offered = {row.model.id for row in list_comparable(section)}
    reasons = {row.model.id: REPORTED for row in section.reported}
    reasons |= {row.model.id: _explain(row, section.columns[0]) for row in section.measured}
    return {model: reason for model, reason in reasons.items() if model not in offered}


def _explain(row: Row, ranking: Metric) -> str:
    if row.is_comparable:
        return f"it has no {title_of(ranking)}"
    return f"{row.status}: {row.remarks}" if row.remarks and row.status != "ok" else row.remarks or str(row.status)


def compute_comparison_data(material: Material, section: Section) -> Data:
    """What data/<data set>.js holds; at least two models of the section can be compared."""
    rows, words = list_comparable(section), name_classes(section.dataset)
    models = [row.model.id for row in rows]
    results = [material.result_of[model, section.dataset.id] for model in models]
    return {
        "warnings": _list_warnings(section),
        "columns": [_describe_column(section, metric, models) for metric in section.columns],
        "models": [_describe_model(row, section.columns) for row in rows],
        "words": [words.one, words.many],
        "classes": list(results[0].classes),
        "counts": np.bincount(results[0].labels, minlength=len(results[0].classes)).tolist(),
        "genera": _describe_genera(material, section, models),
        "images": _describe_images(material, section, results),
        "others": list(explain_left_out(section).items()),
    }


def _list_warnings(section: Section) -> list[str]:
    doubts = list_doubts(section.standings) if section.standings else []
    return doubts if section.dataset.ranked else [SMOKE_TEST]


def _describe_model(row: Row, columns: Sequence[Metric]) -> Data:
    standings = [row.standings.get(metric.name) for metric in columns]
    return {
        "id": row.model.id,
        "notice": row.model.notice,
        "values": [row.metrics.get(metric.name) for metric in columns],
        "halves": [standing and standing.half_width for standing in standings],
    }


# ---- headline figures


def _describe_column(section: Section, metric: Metric, models: Sequence[str]) -> Data:
    """Its name, which way is better (1, -1, 0: neither), and what of it is known of every pair."""
    standings = section.by_metric.get(metric.name)
    better = 0 if metric.higher_is_better is None else 1 if metric.higher_is_better else -1
    pairs = _describe_pairs(standings, models) if standings else None
    return {"title": title_of(metric), "better": better, "pairs": pairs}


def _describe_pairs(standings: Standings, models: Sequence[str]) -> Data:
    """Half-width, p (0: below 0.001) and whether it is below 0.05, of every pair; NaN where one has no such figure."""
    assert standings.pairs is not None
    places = {model: place for place, model in enumerate(standings.of)}
    known = [places.get(model, len(places)) for model in models]
    one, other = (np.array(known)[place] for place in np.triu_indices(len(models), k=1))
    widths = _surround(compute_pair_half_widths(standings.pairs.resampled))[one, other]
    p = _surround(standings.pairs.p)[one, other]
    return {
        "compared": comb(len(places), 2),
        "halves": pack_thousandths(widths),
        "p": pack_thousandths(np.where(p < LEAST_P, 0, p)),
        "told": "".join("1" if told else "0" for told in p < LEVEL),
    }


def _surround(table: np.ndarray) -> np.ndarray:
    """A table (m, m) with a further row and column of NaN, for models that are not in it."""
    return np.pad(table, (0, 1), constant_values=nan)


# ---- class by class


def _describe_genera(material: Material, section: Section, models: Sequence[str]) -> Data | None:
    """Figures of every model, and of every pair the half-widths and which classes are told apart."""
    standings = material.genera.get(section.dataset.id)
    if standings is None or not set(models) <= set(standings.models):
        return None
    word = name_classes(section.dataset).one
    places = np.array([standings.models.index(model) for model in models])
    one, other = (places[place] for place in np.triu_indices(len(models), k=1))
    return {
        "title": f"{title_of(section.columns[0])} of each {word}",
        "values": np.round(standings.values[places], DIGITS).tolist(),
        "halves": pack_thousandths(standings.half_widths_between[one, other]),
        "told": pack_flags(standings.is_resolved[one, other]),
        "digits": -(-len(standings.classes) // 4),
        "note": _note_genera(standings, word),
    }


def _note_genera(standings: GenusStandings, word: str) -> str:
    rough = [name for name, is_rough in zip(standings.classes, standings.is_rough, strict=True) if is_rough]
    small = f" Too few images, so that their intervals are too narrow, have {', '.join(rough)}." if rough else ""
    half = f"Half of an interval is here {DEVIATIONS:.2f} standard deviations of the difference in resamples"
    return f"{half}, which is not calibrated for a single {word}.{small}"


# ---- image by image


def _describe_images(material: Material, section: Section, results: Sequence[Result]) -> Data | None:
    """How often each image was tested and how often each model named it; None where the cells do not say the same."""
    tallies = [tally_names(result) for result in results]
    asked = tallies[0].asked
    if not asked.any() or any((tally.asked != asked).any() for tally in tallies):
        return None
    known = material.images_of(section.dataset, results[0])
    digits = len(np.base_repr(int(asked.max()), 36))
    return {
        "labels": list(results[0].labels),
        "digits": digits,
        "asked": pack_counts(asked.tolist(), digits),
        "right": [pack_counts(tally.right.tolist(), digits) for tally in tallies],
        "files": [_shorten(file) for file in known.files] if known else None,
        "picture": name_thumbnail(section.dataset.id, 0) if known and known.has_pictures else None,
        "credit": f"{section.dataset.attribution} {describe_data_licence(section.dataset)}.",
    }


def _shorten(file: str) -> str:
    """A file's name without the folder of its class, under which it is listed."""
    return file.partition("/")[2] or file
