"""What embedding costs: the peak of the memory, and the record that is stored."""

from __future__ import annotations

import os
import time

import numpy as np
import psutil
import pytest

from leaderboard.efficiency import PeakMemory, describe_speed, name_processor, watch_memory

MEGABYTE = 1_000_000
PATIENCE = 5.0  # seconds for the thread that looks to have its turn on a busy machine


@pytest.fixture
def backbone(toy):
    """A toy with what a loaded model says of itself."""
    return toy(inputs={"dtype": "float32"}, environment={"device": "cpu", "hardware": "abacus"})


def test_memory_that_is_given_back_inside_the_block_counts(backbone) -> None:
    """200 MB that are gone before the end; the accelerator has none to tell."""
    before = psutil.Process().memory_info().rss
    with watch_memory(backbone) as peak:
        held = np.zeros(200 * MEGABYTE, np.uint8)
        held[::4096] = 1  # a page is resident once it is written to
        end = time.monotonic() + PATIENCE
        while peak.resident < before + 150 * MEGABYTE and time.monotonic() < end:
            time.sleep(0.01)
        del held
        time.sleep(0.05)  # several looks at the memory after it was given back
    after = psutil.Process().memory_info().rss
    assert after < before + 100 * MEGABYTE
    assert 150 * MEGABYTE <= peak.resident - before <= 400 * MEGABYTE
    assert peak.accelerator is None


def test_the_record_of_speed_is_complete(backbone) -> None:
    """All that docs/protocols.md lists in section 8: seconds, MB of 10^6 bytes, and what they depend on."""
    memory = PeakMemory(resident=1_500 * MEGABYTE, accelerator=250 * MEGABYTE)
    speed = describe_speed(backbone, 128, 2.5, memory)
    threads = speed.pop("threads")
    assert isinstance(threads, int)
    assert threads >= 1
    assert speed == {
        "images_per_second": 51.2,
        "images": 128,
        "seconds": 2.5,
        "peak_memory_mb": 1500,
        "peak_accelerator_memory_mb": 250,
        "batch_size": 4,
        "dtype": "float32",
        "device": "cpu",
        "hardware": "abacus",
        "processor": name_processor(),
        "cores": os.cpu_count(),
    }


def test_without_an_accelerator_its_memory_is_unknown(backbone) -> None:
    """Which is not the same as none used."""
    assert describe_speed(backbone, 128, 2.5, PeakMemory(resident=MEGABYTE))["peak_accelerator_memory_mb"] is None


def test_the_processor_has_a_name() -> None:
    """Throughput without it says nothing."""
    assert name_processor().strip()
