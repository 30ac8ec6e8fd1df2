"""The tables of efficiency: speeds stand together where they can be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leaderboard.render.tables import render_efficiency
from leaderboard.sections import compute_sections

SPEED: dict[str, Any] = {
    "images_per_second": 47.93,
    "batch_size": 8,
    "device": "cpu",
    "dtype": "float32",
    "hardware": "x86_64",
    "processor": "A processor",
    "cores": 4,
    "threads": 2,
    "peak_memory_mb": 1008,
    "peak_accelerator_memory_mb": None,
}


def test_every_machine_has_its_own_table_of_speeds(measure, crowd, read_tables) -> None:
    """Fastest first; what was never recorded is not there."""
    other = SPEED | {"device": "cuda", "processor": "Another", "images_per_second": 900.0, "batch_size": 64}
    other |= {"peak_accelerator_memory_mb": 512}
    fast = SPEED | {"images_per_second": 50.0}
    board = replace(crowd, models=crowd.models | {"tan": replace(crowd.model("toy"), id="tan")})
    results = [measure("tin", 8, speed=SPEED), measure("top", 8, speed=other), measure("toy", 8, speed=fast)]
    text = render_efficiency(compute_sections(board, [*results, measure("tan", 8)]))
    places = [line for line in text.splitlines() if line.startswith("On ")]
    assert places == [
        "On grains, cpu (A processor, 4 cores, 2 threads), float32:",
        "On grains, cuda (Another, 4 cores, 2 threads), float32:",
    ]
    assert [
        [(row["Model"], row["Images/s"], row["Batch"], row["Peak MB"]) for row in t] for t in read_tables(text)
    ] == [
        [("toy", "50.0", "8", "1008"), ("tin", "47.9", "8", "1008")],
        [("top", "900.0", "64", "512")],
    ]


def test_another_number_of_threads_is_another_machine(measure, crowd, read_tables) -> None:
    """So is another dtype: neither speed can be held against the other."""
    speeds = {"toy": SPEED, "top": SPEED | {"threads": 4}, "tin": SPEED | {"dtype": "bfloat16"}}
    results = [measure(model, 8, speed=speed) for model, speed in speeds.items()]
    assert len(read_tables(render_efficiency(compute_sections(crowd, results)))) == 3


def test_speeds_of_two_data_sets_stand_apart(measure, two_sets, read_tables) -> None:
    """Their images differ in size."""
    results = [measure("toy", 8, speed=SPEED), replace(measure("toy", 8, speed=SPEED), dataset="spores")]
    assert len(read_tables(render_efficiency(compute_sections(two_sets, results)))) == 2


def test_without_recorded_speeds_there_is_no_table_of_them(measure, crowd) -> None:
    """Not even an empty one."""
    assert render_efficiency(compute_sections(crowd, [measure("toy", 8)])) == ""
