"""Every figure of the leaderboard as one tidy table, with what a reader needs to cite it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from leaderboard.errors import Unavailable
from leaderboard.protocols import PROTOCOL_OF
from leaderboard.records import Cell, Result
from leaderboard.registry import Registry
from leaderboard.result_files import tidy
from leaderboard.rows import Row
from leaderboard.sections import Section
from leaderboard.spreadsheet import guard_text

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Mapping[str, str] = {  # title -> pandas dtype
    "dataset": "string",
    "model": "string",
    "status": "string",  # ok, stale, corrupt, reported
    "metric": "string",
    "class": "string",  # empty: the whole set
    "value": "float64",
    "half_width": "float64",  # of the 95 % interval, where the table shows one
    "remarks": "string",  # why it has its status, or is not compared with the others
    "protocol": "string",
    "protocol_version": "Int64",
    "dataset_digest": "string",
    "weights": "string",  # where they were taken
    "weights_revision": "string",
    "weights_sha256": "string",
    "parameters": "Int64",
    "source": "string",  # of reported figures
}
ORDER = ["dataset", "model", "status", "metric", "class"]
HALF_WIDTH_DECIMALS = 6  # what follows depends on the machine
FAMILIES = {metric.partition(".")[0]: protocol for metric, protocol in PROTOCOL_OF.items()}  # knn1 -> knn


def tabulate_metrics(registry: Registry, results: Sequence[Result], sections: Sequence[Section]) -> pd.DataFrame:
    """A row per figure, measured and reported ones, told apart by ``status``; sorted, with the columns ``COLUMNS``.

    Figures of a stale cell stay, those of a corrupt one are left empty, as in the leaderboard's tables. A result whose
    model or data set has no entry is in no section, and left out.

    Args:
        registry: whose reported figures are added.
        results: stored cells.
        sections: computed from them; they say what each cell is worth.
    """
    import pandas as pd

    rows = {Cell(row.model.id, section.dataset.id): row for section in sections for row in section.measured}
    kept = [(result, rows[cell]) for result in results if (cell := Cell(result.model, result.dataset)) in rows]
    parts = [_tabulate_measured(kept), _tabulate_reported(registry)]
    frame = pd.concat([part.reindex(columns=list(COLUMNS)).astype(COLUMNS) for part in parts])
    return frame.sort_values(ORDER, kind="stable", ignore_index=True)


def _tabulate_measured(cells: Sequence[tuple[Result, Row]]) -> pd.DataFrame:
    frame = tidy([result for result, _ in cells])
    frame["protocol"] = frame["metric"].map({m: FAMILIES.get(m.partition(".")[0]) for m in frame["metric"].unique()})
    described = [_describe_cell(result, row) for result, row in cells]
    versions = [one for result, _ in cells for one in _list_versions(result)]
    widths = [one for result, row in cells for one in _list_half_widths(result, row)]
    for facts, keys in ((described, []), (versions, ["protocol"]), (widths, ["metric", "class"])):
        frame = _add(frame, facts, ["dataset", "model", *keys])
    if "status" in frame:
        frame["value"] = frame["value"].mask(frame["status"] == "corrupt")
    return frame


def _add(frame: pd.DataFrame, facts: Sequence[Mapping[str, Any]], keys: list[str]) -> pd.DataFrame:
    import pandas as pd

    return frame.merge(pd.DataFrame(facts), on=keys, how="left") if facts else frame


def _describe_cell(result: Result, row: Row) -> dict[str, Any]:
    weights = result.provenance.inputs["model"]["weights"]
    return {
        "dataset": result.dataset,
        "model": result.model,
        "status": row.status,
        "remarks": row.remarks or None,
        "dataset_digest": result.provenance.inputs["dataset"],
        "weights": weights["source"],
        "weights_revision": weights.get("revision"),
        "weights_sha256": weights.get("sha256"),
        "parameters": result.parameters,
    }


def _list_versions(result: Result) -> list[dict[str, Any]]:
    versions = result.provenance.inputs["protocols"]
    cell = {"dataset": result.dataset, "model": result.model}
    return [{**cell, "protocol": name, "protocol_version": version} for name, version in versions.items()]


def _list_half_widths(result: Result, row: Row) -> list[dict[str, Any]]:
    cell = {"dataset": result.dataset, "model": result.model, "class": ""}
    return [
        {**cell, "metric": metric, "half_width": round(standing.half_width, HALF_WIDTH_DECIMALS)}
        for metric, standing in row.standings.items()
    ]


def _tabulate_reported(registry: Registry) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {
            "dataset": dataset,
            "model": spec.id,
            "status": "reported",
            "metric": metric,
            "class": "",
            "value": value,
            "parameters": figures.parameters,
            "source": figures.source,
        }
        for spec in registry.models.values()
        for dataset, figures in spec.reported.items()
        for metric, value in figures.metrics.items()
    ]
    return pd.DataFrame(rows)


def to_csv(frame: pd.DataFrame) -> bytes:
    r"""UTF-8, all digits, ``\n`` at the end of each line; the same bytes for the same table.

    No text can begin a formula in a spreadsheet: what would gets an apostrophe in front.
    """
    texts = [name for name in frame.columns if COLUMNS.get(name) == "string"]
    guarded = frame.assign(**{name: _guard(frame[name]) for name in texts})
    text: str = guarded.to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8")


def _guard(column: pd.Series[str]) -> pd.Series[str]:
    """Of many equal texts each is looked at once."""
    guarded = {text: guard_text(text) for text in column.dropna().unique()}
    changed = {text: other for text, other in guarded.items() if other != text}
    return column.replace(changed) if changed else column


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A parquet file, without a time in it; the same bytes for the same table and the same libraries.

    Raises:
        Unavailable: pyarrow is not installed.
    """
    check_parquet()
    file = BytesIO()
    frame.to_parquet(file, engine="pyarrow", compression="zstd", index=False)
    return file.getvalue()


def check_parquet() -> None:
    """See that parquet can be written, before anything is computed.

    Raises:
        Unavailable: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        raise Unavailable(
            "it needs pyarrow, which is not installed; `pip install 'fossil-leaderboard[site]'`", "not found"
        ) from None
