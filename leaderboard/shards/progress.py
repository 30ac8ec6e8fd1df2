"""How far a run is: a bar for people who watch, a line of JSON every minute for a log."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

from tqdm import tqdm

EVERY = 60.0  # seconds between two lines
RECENT = 600.0  # seconds that a rate is of


@dataclass
class Progress:
    """Counts images as workers report them. Rates are of the last minutes; images of earlier runs count in none."""

    total: int
    done: int  # images that earlier runs have finished
    failures: int = 0
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    reports: deque[tuple[float, str, int]] = field(default_factory=deque)  # time, worker, images

    def __post_init__(self) -> None:
        self.started = self.said = self.clock()
        self.bar = tqdm(total=self.total, initial=self.done, desc="embed", unit="image", file=self.stream, disable=None)

    def tell(self, worker: str, images: int) -> None:
        """So many images more are done by this worker."""
        now = self.clock()
        self.done += images
        self.reports.append((now, worker, images))
        self._forget(now)
        self.bar.update(images)
        if self.bar.disable and now - self.said >= EVERY:
            self.say()

    def _forget(self, now: float) -> None:
        while self.reports and self.reports[0][0] < now - RECENT:
            self.reports.popleft()

    def fail(self, images: int) -> None:
        """So many of the images that are done gave no vector."""
        self.failures += images
        self.bar.set_postfix(failures=self.failures, refresh=False)

    def say(self) -> None:
        """A line for the log."""
        self.said = self.clock()
        print(json.dumps(self.describe()), file=self.stream, flush=True)

    def describe(self) -> dict[str, Any]:
        """Images done and to do, images/s in all and by worker, seconds still to go (null while nobody knows)."""
        now = self.clock()
        self._forget(now)
        seconds = max(1e-9, min(RECENT, now - self.started))
        by_worker: Counter[str] = Counter()
        for _, worker, images in self.reports:
            by_worker[worker] += images
        rate = sum(by_worker.values()) / seconds
        return {
            "images": self.done,
            "of": self.total,
            "images_per_second": round(rate, 2),
            "eta_seconds": round((self.total - self.done) / rate) if rate else None,
            "failures": self.failures,
            "workers": {worker: round(images / seconds, 2) for worker, images in sorted(by_worker.items())},
        }

    def close(self) -> None:
        """The last line."""
        if self.bar.disable:
            self.say()
        self.bar.close()
