"""One run of the suite: every cell measured once, whatever the number of cases and worker processes."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from leaderboard.backbones import Backbone
from leaderboard.canary import Canary
from leaderboard.cells import compute_result
from leaderboard.datasets import load_dataset
from leaderboard.efficiency import PeakMemory, describe_speed
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.extract import extract, extraction_entry
from leaderboard.paths import save_text
from leaderboard.records import Cell, Dataset, DatasetSpec, Outcome, Result, RunOptions
from leaderboard.registry import Registry
from leaderboard.result_files import format_result, load_result, load_results_of, save_result
from leaderboard.verification import load_verified


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
    _loaded: dict[str, tuple[Backbone, Canary]] = field(default_factory=dict)
    _refused: dict[str, LeaderboardError] = field(default_factory=dict)
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
        """The loaded and verified model."""
        return self._load_model(model_id)[0]

    def _load_model(self, model_id: str) -> tuple[Backbone, Canary]:
        """One at a time: two large ones may not fit into memory. What cannot be had is not asked for again."""
        if model_id in self._refused:
            raise self._refused[model_id]
        if model_id not in self._loaded:
            self._loaded.clear()
            stored = load_results_of(self.results_dir, model_id) if self.results_dir else []
            try:
                self._loaded[model_id] = load_verified(self.registry.model(model_id), stored, self.options)
            except LeaderboardError as error:
                self._refused[model_id] = error
                raise
        return self._loaded[model_id]

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
            return load_dataset(spec, self.options)
        except LeaderboardError as error:
            return error

    def record_speed(self, cell: Cell, *, images: int, seconds: float, memory: PeakMemory) -> None:
        """Add speed and memory to the stored result of a measured cell."""
        result = self.outcome(cell).result
        if result is not None:
            speed = describe_speed(self.backbone(cell.model), images, seconds, memory)
            self._store(replace(result, speed=speed))

    def _measure(self, cell: Cell) -> Outcome:
        try:
            dataset = self.dataset(cell.dataset)
            backbone, canary = self._load_model(cell.model)
            embeddings = extract(dataset, backbone, self.options)
            spec = self.registry.dataset(cell.dataset)
            result = compute_result(
                backbone,
                dataset,
                embeddings,
                canary,
                protocols=spec.protocols,
                specimen=spec.specimen,
                refresh=self.options.refresh,
            )
            self._store(result)
            return Outcome(cell, "ok", "", result, extraction_entry(dataset, backbone).path)
        except Unavailable as error:
            return Outcome(cell, error.status, str(error))
        except MemoryError as error:
            return Outcome(cell, "out of memory", f"model {cell.model}: out of memory ({error}); try another --device")
        except LeaderboardError as error:
            return Outcome(cell, "error", str(error))
        except Exception:  # a fault of a loading library or of ours: it must not take other models along
            return Outcome(cell, "error", traceback.format_exc())

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
    measured = stored["status"] == "ok"
    result = load_result(path.with_suffix(".result")) if measured else None
    embeddings = Path(stored["embeddings"]) if measured else None
    return Outcome(cell, stored["status"], stored["reason"], result, embeddings)
