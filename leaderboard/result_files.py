"""Result <-> JSON; the only reader and writer of results/.

One file per cell, ``results/<dataset>/<model>.json``: stable key order, floats that round-trip, no timestamps.
(The module is not called results: that name is the package's function.)
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaderboard.agreement import find_disagreement, has_same_inputs
from leaderboard.errors import LeaderboardError, printable
from leaderboard.outcome_checks import check_leaves, check_outcomes
from leaderboard.paths import save_text
from leaderboard.plain import plain
from leaderboard.records import Provenance, Result
from leaderboard.result_form import LARGEST, check_form, check_values

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
LONGEST = 300  # signs of why a file is no result


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
    if stored is not None and has_same_inputs(stored, result):
        result = replace(result, speed=result.speed or stored.speed)
        if not find_disagreement(stored, result, tolerance=tolerance):
            result = replace(stored, speed=result.speed)
    text = format_result(result)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        save_text(path, text)
    return result


def load_result(path: Path) -> Result:
    """Read one cell.

    Raises:
        LeaderboardError: not a result file of this format, or one of another cell.
    """
    try:
        return parse_result(path.read_text(encoding="utf-8"), dataset=path.parent.name, model=path.stem)
    except ValueError as error:
        raise LeaderboardError(f"{path} is no result file ({error}); remove it and measure the cell again") from None


def parse_result(text: str, *, dataset: str, model: str) -> Result:
    """The cell that a result file's text holds. Pure.

    Raises:
        ValueError: in one line what is wrong: no result of this format, or one of another cell.
    """
    try:
        return _build(parse_json(text), dataset, model)
    except (TypeError, KeyError, AttributeError, OverflowError, ValueError) as error:
        raise ValueError(printable(str(error))[:LONGEST]) from None  # it may quote the file


def parse_json(text: str) -> Any:
    """JSON in which no key is given twice and every number is one.

    Raises:
        ValueError: it is none, or nested deeper than anything here.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_parse_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{twice[:40]!r} is given twice")
    return found


def _parse_finite(digits: str) -> float:
    if math.isinf(value := float(digits)):
        raise ValueError(f"{digits[:20]} is a number beyond {LARGEST:g}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _build(fields: Any, dataset: str, model: str) -> Result:
    if not isinstance(fields, dict):
        raise ValueError("it holds no mapping")
    check_values(fields)
    if (fields["dataset"], fields["model"]) != (dataset, model):
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
    check_form(result)
    _check_labels(result)
    _check_per_class(result)
    check_outcomes(result.outcomes, images=len(result.labels), classes=len(result.classes))
    check_leaves(result.outcomes)
    _check_canary(result)
    return result


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


def _check_per_class(result: Result) -> None:
    wrong = next((name for name, values in result.per_class.items() if len(values) != len(result.classes)), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:60]!r} does not have one figure for each of {len(result.classes)} classes")


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
