"""Threads that work ahead: in order, and never far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.reading_ahead import group, map_ahead, map_by_groups

Mapping = Callable[[Callable[[int], Any], Any], Iterator[Any]]
WAYS = {
    "ahead": lambda compute, tasks: map_ahead(compute, tasks, 5, threads=3),
    "by groups": lambda compute, tasks: map_by_groups(compute, tasks, 5, threads=3),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Mapping:
    """Either of the two."""
    return WAYS[request.param]


def numbers(taken: list[int]) -> Iterator[int]:
    """0, 1, 2, ... without end; what is taken is noted."""
    for number in count():
        taken.append(number)
        yield number


def test_answers_come_in_order_whoever_is_first(way: Mapping) -> None:
    """The first task ends last: it waits until the third has ended."""
    third = threading.Event()

    def compute(number: int) -> int:
        if number == 2:
            third.set()
        if number == 0:
            assert third.wait(30)
        return number * number

    assert list(way(compute, range(12))) == [number * number for number in range(12)]


@pytest.mark.parametrize("ahead", [1, 4, 10])
def test_an_endless_source_is_taken_only_so_far_ahead(ahead: int) -> None:
    """One more than may wait, which is the one that is handed out; then one for one."""
    taken: list[int] = []
    stream = map_ahead(lambda number: number, numbers(taken), ahead, threads=2)
    assert taken == []
    for asked in range(1, 20):
        assert next(stream) == asked - 1
        assert len(taken) == ahead + asked
    stream.close()
    assert len(taken) == ahead + 19


def test_an_endless_source_is_taken_by_groups() -> None:
    """Of the next group nothing is taken before the last of this one was handed out."""
    taken: list[int] = []
    stream = map_by_groups(lambda number: number, numbers(taken), 4, threads=2)
    lengths = [len(taken) for number in stream if number < 8 or stream.close()]
    assert lengths == [4] * 4 + [8] * 4


def test_nothing_is_computed_while_the_consumer_of_a_group_is_at_work() -> None:
    """All of a group is finished before its first answer."""
    ended: list[int] = []
    for number in map_by_groups(ended.append, range(10), 4, threads=4):
        assert number is None
        assert len(ended) in (4, 8, 10)


def test_an_error_is_raised_where_its_answer_would_come(way: Mapping) -> None:
    """After the answers before it, in the end; of an endless source no more is taken then."""
    taken: list[int] = []

    def compute(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    found = []
    with pytest.raises(ValueError, match="five"):
        found.extend(iter(way(compute, numbers(taken))))
    assert found in ([], [0, 1, 2, 3, 4])  # list.extend keeps what came before, or nothing
    assert len(taken) <= 11


def test_an_error_of_the_source_is_raised_too(way: Mapping) -> None:
    """A disk that goes while it is listed."""

    def source() -> Iterator[int]:
        yield from range(7)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(way(lambda number: number, source()))


def test_what_is_not_begun_is_dropped_when_the_consumer_stops() -> None:
    """And what is begun is waited for: no thread outlives its consumer."""
    before = threading.active_count()
    begun: list[int] = []
    first, go = threading.Event(), threading.Event()

    def compute(number: int) -> int:
        begun.append(number)
        if number:
            first.set()
            assert go.wait(30)
        return number

    stream = map_ahead(compute, range(100), 50, threads=1)
    assert next(stream) == 0
    assert first.wait(30)
    go.set()
    stream.close()
    assert len(begun) < 51
    assert threading.active_count() == before


def test_no_more_threads_than_asked_for_are_at_work(way: Mapping) -> None:
    """Three."""
    names: set[str] = set()

    def compute(number: int) -> None:
        names.add(threading.current_thread().name)

    assert len(list(way(compute, range(200)))) == 200
    assert 1 <= len(names) <= 3


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_groups_are_full_but_for_the_last(items: list[int], size: int) -> None:
    """None is empty, nothing is lost, the order stays."""
    groups = list(group(items, size))
    assert [item for part in groups for item in part] == items
    assert all(len(part) == size for part in groups[:-1])
    assert all(1 <= len(part) <= size for part in groups)


def test_groups_of_an_endless_source_are_made_one_by_one() -> None:
    """Nothing is taken for the next one."""
    taken: list[int] = []
    assert list(islice(group(numbers(taken), 3), 2)) == [[0, 1, 2], [3, 4, 5]]
    assert len(taken) == 6
