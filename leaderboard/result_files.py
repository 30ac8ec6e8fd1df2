"""Result <-> JSON; the only reader and writer of results/.

One file per cell, ``results/<dataset>/<model>.json``: stable key order, floats that round-trip, no timestamps.
(The module is not called results: that name is the package's function.)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaderboard.errors import LeaderboardError
from leaderboard.outcome_checks import check_outcomes
from leaderboard.paths import save_text
from leaderboard.protocols import PROTOCOL_OF, PROTOCOLS
from leaderboard.records import Provenance, Result

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
PLACE = ("source", "revision", "file", "sha256")  # of the weights: the same tensors may lie in several
MOST_CHANGED = 0.01  # share of stored predictions and neighbours that another machine may decide differently


def result_path(folder: Path, result: Result) -> Path:
    """Where a cell is kept below a results folder."""
    return folder / result.dataset / f"{result.model}.json"


def save_result(folder: Path, result: Result, *, tolerance: float) -> Result:
    """Store a measurement, unless the stored one says the same; returns what is stored now.

    The same inputs measured within the tolerance of the cell (another machine, another BLAS) keep the stored
    bytes. Speed is kept from the older file when this run did not record it and the inputs are unchanged.
    """
    path = result_path(folder, result)
    stored = load_result(path) if path.exists() else None
    if stored is not None and _identity(stored) == _identity(result):
        result = replace(result, speed=result.speed or stored.speed)
        if _agree(stored, result, tolerance):
            result = replace(stored, speed=result.speed)
    text = format_result(result)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        save_text(path, text)
    return result


def _identity(result: Result) -> Any:
    """The inputs without the place that the tensors came from, where their digest is known."""
    inputs = plain(result.provenance.inputs)
    weights = inputs["model"]["weights"]
    if weights.get("digest"):
        weights = {name: value for name, value in weights.items() if name not in PLACE}
    return inputs | {"model": inputs["model"] | {"weights": weights}}


def _agree(stored: Result, new: Result, tolerance: float) -> bool:
    """Whether two measurements are the same but for the last digits of another machine."""
    exact = ("parameters", "dimension", "classes", "labels", "left_out")
    metrics = {name: value for name, value in new.metrics.items() if _is_repeatable(name)}
    return (
        all(plain(getattr(stored, name)) == plain(getattr(new, name)) for name in exact)
        and {name for name in stored.metrics if _is_repeatable(name)} == metrics.keys()
        and (stored.canary is None) == (new.canary is None)
        and all(_is_near(stored.metrics[name], value, tolerance) for name, value in metrics.items())
        and _share_changed(_repeatable(stored.outcomes), _repeatable(new.outcomes)) <= MOST_CHANGED
        and _share_changed(_numbers(stored.per_class), _numbers(new.per_class), within=10 * tolerance) <= MOST_CHANGED
    )


def _is_near(stored: float, new: float, tolerance: float) -> bool:
    """Within the tolerance; undefined both times is the same."""
    return abs(stored - new) <= tolerance * max(1.0, abs(new)) or (math.isnan(stored) and math.isnan(new))


def _is_repeatable(metric: str) -> bool:
    """Whether two machines agree on the figure: not where the last digits decide between two ways to cluster."""
    return metric not in PROTOCOL_OF or PROTOCOLS[PROTOCOL_OF[metric]].is_repeatable


def _repeatable(outcomes: Mapping[str, Mapping[str, Any]]) -> list[float]:
    kept = {name: part for name, part in outcomes.items() if name not in PROTOCOLS or PROTOCOLS[name].is_repeatable}
    return _numbers(kept)


def _numbers(value: Any) -> list[float]:
    """Every number in nested mappings and lists, in order; NaN and null as -1, which no figure here is."""
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in _numbers(item)]
    if isinstance(value, Sequence):
        return [number for item in value for number in _numbers(item)]
    return [-1.0 if value is None or value != value else float(value)]


def _share_changed(stored: Sequence[float], new: Sequence[float], *, within: float = 0.0) -> float:
    if len(stored) != len(new):
        return 1.0
    changed = sum(abs(one - other) > within for one, other in zip(stored, new, strict=True))
    return changed / max(1, len(new))


def load_result(path: Path) -> Result:
    """Read one cell.

    Raises:
        LeaderboardError: not a result file of this format, or one of another cell.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("it holds no mapping")
        if (fields["dataset"], fields["model"]) != (path.parent.name, path.stem):
            raise ValueError(f"it is of {fields['model']} on {fields['dataset']}")
        if fields.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        fields["provenance"] = Provenance(**fields["provenance"])
        if set(map(type, fields["metrics"].values())) - {float}:  # 500 figures, nearly always floats
            fields["metrics"] = {name: _number(value, name) for name, value in fields["metrics"].items()}
        fields["per_class"] = {
            name: [_number(value, name) for value in values] for name, values in fields["per_class"].items()
        }
        if wrong := [name for name, part in fields["outcomes"].items() if not isinstance(part, dict)]:
            raise ValueError(f"outcomes of {wrong[0]} are no mapping")
        result = Result(**fields)
        _check_labels(result)
        check_outcomes(result.outcomes, images=len(result.labels), classes=len(result.classes))
        _check_canary(result)
        return result
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise LeaderboardError(f"{path} is no result file ({error}); remove it and measure the cell again") from None


def _check_labels(result: Result) -> None:
    """Class indices, of every image one; specimens likewise where there are any."""
    for name, values, limit in (
        ("labels", result.labels, len(result.classes)),
        ("specimens", result.specimens or [], len(result.labels)),
    ):
        wrong = next((value for value in values if type(value) is not int or not 0 <= value < limit), None)
        if wrong is not None:
            raise ValueError(f"{name} hold {str(wrong)[:20]!r}, no whole number from 0 to {limit - 1}")
    if result.specimens is not None and len(result.specimens) != len(result.labels):
        raise ValueError(f"{len(result.specimens)} specimens for {len(result.labels)} images")


def _number(value: object, name: str) -> float:
    """A figure as it is stored: null stands for NaN."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}, no number")
    float(value)  # overflows for what no machine measured
    return value


def _check_canary(result: Result) -> None:
    """A stored canary is n norms and the cosines of their pairs, all of them numbers."""
    if result.canary is None:
        return
    norms, cosines = result.canary["norms"], result.canary["cosines"]
    numbers = all(isinstance(value, int | float) for value in (*norms, *cosines))
    if not numbers or len(cosines) != len(norms) * (len(norms) - 1) // 2:
        raise ValueError("its canary is none")


def load_results(folder: Path) -> list[Result]:
    """Every stored cell, sorted by data set and model."""
    return [load_result(path) for path in sorted(folder.glob("*/*.json"))]


def load_results_of(folder: Path, model: str) -> list[Result]:
    """Every stored cell of one model, sorted by data set."""
    return [load_result(path) for path in sorted(folder.glob(f"*/{model}.json"))]


def format_result(result: Result) -> str:
    """The JSON text of a cell: one key per line, one line per list of scalars, NaN as null."""
    fields = {name: value for name, value in vars(result).items() if (name, value) != ("specimens", None)}
    fields["provenance"] = vars(result.provenance)
    return format_json({"format": FORMAT} | fields)


def format_json(value: Mapping[str, Any]) -> str:
    """Stable JSON that a person can read and git can compare."""
    return _format(plain(value), indent=0) + "\n"


def plain(value: Any) -> Any:
    """What JSON would give back: tuples as lists, numbers as Python's own, NaN as None."""
    if isinstance(value, int | str):  # most values are: asked first
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _format(value: Any, *, indent: int) -> str:
    inner, outer = "\n" + " " * (indent + 1), "\n" + " " * indent
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(key)}: {_format(item, indent=indent + 1)}" for key, item in value.items()]
        return "{" + inner + f",{inner}".join(lines) + outer + "}"
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        return "[" + inner + f",{inner}".join(_format(item, indent=indent + 1) for item in value) + outer + "]"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


# ---- for analysis


def tidy(results: Sequence[Result]) -> pd.DataFrame:
    """Every stored metric as a row: dataset, model, metric, class (empty for the whole set), value."""
    import pandas as pd

    columns = ["dataset", "model", "metric", "class", "value"]
    return pd.DataFrame([row for result in results for row in _rows(result)], columns=columns)


def _rows(result: Result) -> Iterator[tuple[str, str, str, str, float]]:
    for name, value in result.metrics.items():
        yield result.dataset, result.model, name, "", value
    for name, values in result.per_class.items():
        for label, figure in zip(result.classes, values, strict=True):
            yield result.dataset, result.model, name, label, figure
