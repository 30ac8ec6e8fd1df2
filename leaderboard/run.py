"""One run of the suite: every cell measured once, whatever the number of cases and worker processes."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from leaderboard.backbones import Backbone, load_backbone
from leaderboard.cells import compute_result, describe_speed
from leaderboard.datasets import load_dataset
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.extract import extract, extraction_entry
from leaderboard.paths import save_text
from leaderboard.records import Cell, Dataset, DatasetSpec, Outcome, Result, RunOptions
from leaderboard.registry import Registry
from leaderboard.result_files import check_tensors, format_result, load_result, save_result


@dataclass
class Run:
    """Measures cells and keeps what became of them.

    Worker processes of one run share the folder ``shared``: the first one that needs a cell measures it, the
    others wait for its outcome there.
    """

    registry: Registry
    options: RunOptions
    shared: Path
    results_dir: Path | None  # None: measure and show, but store nothing
    _backbones: dict[str, Backbone] = field(default_factory=dict)
    _datasets: dict[str, Dataset | LeaderboardError] = field(default_factory=dict)
    _outcomes: dict[Cell, Outcome] = field(default_factory=dict)

    def outcome(self, cell: Cell) -> Outcome:
        """Measured, skipped or failed; never raises for a fault of the cell."""
        if cell not in self._outcomes:
            path = self._path(cell)
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                if not path.exists():
                    _save_outcome(path, self._measure(cell))
            self._outcomes[cell] = _load_outcome(path, cell)
        return self._outcomes[cell]

    def outcomes(self) -> list[Outcome]:
        """Every cell of this run so far, of all workers, in the order of the registry."""
        cells = [Cell(model, dataset) for dataset in self.registry.datasets for model in self.registry.models]
        return [_load_outcome(self._path(cell), cell) for cell in cells if self._path(cell).exists()]

    def backbone(self, model_id: str) -> Backbone:
        """The loaded model; one at a time, since two large ones may not fit into memory."""
        if model_id not in self._backbones:
            self._backbones.clear()
            backbone = load_backbone(self.registry.model(model_id), self.options)
            check_tensors(self._stored_results(model_id), model_id, backbone.inputs["weights"])
            self._backbones[model_id] = backbone
        return self._backbones[model_id]

    def _stored_results(self, model_id: str) -> list[Result]:
        paths = self.results_dir.glob(f"*/{model_id}.json") if self.results_dir else []
        return [load_result(path) for path in paths]

    def dataset(self, dataset_id: str) -> Dataset:
        """The verified data set; one that could not be had is not asked for again."""
        if dataset_id not in self._datasets:
            self._datasets[dataset_id] = self._load(self.registry.dataset(dataset_id))
        found = self._datasets[dataset_id]
        if isinstance(found, LeaderboardError):
            raise found
        return found

    def _load(self, spec: DatasetSpec) -> Dataset | LeaderboardError:
        try:
            return load_dataset(spec, offline=self.options.offline)
        except LeaderboardError as error:
            return error

    def record_speed(self, cell: Cell, *, images: int, seconds: float) -> None:
        """Add the speed to the stored result of a measured cell."""
        result = self.outcome(cell).result
        if result is not None:
            speed = describe_speed(self.backbone(cell.model), images, seconds)
            self._store(replace(result, speed=speed))

    def _measure(self, cell: Cell) -> Outcome:
        try:
            dataset, backbone = self.dataset(cell.dataset), self.backbone(cell.model)
            embeddings = extract(dataset, backbone, self.options)
            result = compute_result(backbone, dataset, embeddings)
            self._store(result)
            return Outcome(cell, "measured", "", result, extraction_entry(dataset, backbone).path)
        except Unavailable as error:
            return Outcome(cell, "skipped", str(error))
        except MemoryError as error:
            return Outcome(cell, "skipped", f"model {cell.model}: out of memory ({error})")
        except LeaderboardError as error:
            return Outcome(cell, "failed", str(error))
        except Exception:  # a fault of a loading library or of ours: it must not take other models along
            return Outcome(cell, "failed", traceback.format_exc())

    def _store(self, result: Result) -> None:
        """Keep it; what the run shows and asserts is the measurement, whatever bytes are kept."""
        if self.results_dir is not None:
            save_result(self.results_dir, result, tolerance=self.registry.dataset(result.dataset).tolerance)

    def _path(self, cell: Cell) -> Path:
        return self.shared / cell.dataset / f"{cell.model}.json"


def _save_outcome(path: Path, outcome: Outcome) -> None:
    result = path.with_suffix(".result")
    if outcome.result is not None:
        save_text(result, format_result(outcome.result))
    embeddings = str(outcome.embeddings) if outcome.embeddings else None
    save_text(path, json.dumps({"status": outcome.status, "reason": outcome.reason, "embeddings": embeddings}))


def _load_outcome(path: Path, cell: Cell) -> Outcome:
    stored = json.loads(path.read_text(encoding="utf-8"))
    measured = stored["status"] == "measured"
    result = load_result(path.with_suffix(".result")) if measured else None
    embeddings = Path(stored["embeddings"]) if measured else None
    return Outcome(cell, stored["status"], stored["reason"], result, embeddings)
