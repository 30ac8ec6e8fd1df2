"""The plan of a run: what is listed is what is computed, whatever names are called."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard.errors import LeaderboardError
from leaderboard.shards import plan as plan_module
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import PLAN, Plan, Recipe, listing_file, load_items, load_plan, make_plan
from leaderboard.shards.sources import Item, iterate_items

RECIPE = Recipe("toy", 8, {"weights": {"source": "none"}}, {"device": "cpu"}, 4, 2, "float32")
NAMES = st.binary(min_size=1, max_size=30).map(lambda name: name.decode("utf-8", "surrogateescape"))
PLACES = st.none() | st.integers(0, 2**62)
ITEMS = st.builds(Item, path=NAMES, address=NAMES, start=PLACES, size=PLACES, problem=st.text(max_size=20))


def save_listed(folder: Folder, items: list[Item]) -> Plan:
    """A plan of one shard, as it would be if a source had these."""
    folder.write(listing_file(0), plan_module._pack(items))
    return Plan(RECIPE, "nowhere", len(items), len(items))


@given(st.lists(ITEMS, min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_listing_comes_back_as_it_was(items: list[Item]) -> None:
    """Names of any bytes, places of any size, problems of any text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(name)
        plan = save_listed(folder, items)
        assert load_items(folder, plan, 0) == items


def test_a_plan_holds_the_source_cut_into_shards(place: str, tmp_path: Path) -> None:
    """All items in order, the last shard with what is left; it comes back the same."""
    names = [f"{number}.jpg" for number in range(10)] + [os.fsdecode(b"bad\xff.jpg"), "two\nlines.jpg"]
    (tmp_path / "images").mkdir()
    for name in names:
        (tmp_path / "images" / name).write_bytes(b"x")
    source, folder = str(tmp_path / "images"), Folder(place)
    plan = make_plan(folder, RECIPE, source, 5)
    assert load_plan(folder) == plan
    assert (plan.images, plan.shards, [plan.size_of(shard) for shard in range(3)]) == (12, 3, [5, 5, 2])
    listed = [load_items(folder, plan, shard) for shard in range(plan.shards)]
    assert [item for part in listed for item in part] == list(iterate_items(source))
    assert [len(part) for part in listed] == [5, 5, 2]


@pytest.mark.parametrize(("images", "size", "shards", "last"), [(8, 4, 2, 4), (9, 4, 3, 1), (3, 4, 1, 3), (1, 1, 1, 1)])
def test_shards_are_counted_up(images: int, size: int, shards: int, last: int) -> None:
    """None is empty."""
    plan = Plan(RECIPE, "x", size, images)
    assert plan.shards == shards
    assert plan.size_of(shards - 1) == last


def test_no_plan_is_there_before_a_run(place: str) -> None:
    """Nor in a folder of something else."""
    assert load_plan(Folder(place)) is None
    Folder(place).write("notes.txt", b"x")
    assert load_plan(Folder(place)) is None


def test_an_interrupted_listing_is_no_plan(tmp_path: Path) -> None:
    """Finished parts of it are written as it goes: memory does not hold the whole. The next one begins anew."""
    lines = [f"{number}.jpg" for number in range(5000)]
    source, folder = tmp_path / "list.txt", Folder(str(tmp_path / "out"))
    source.write_bytes("\n".join(lines).encode() + b"\n\xe9.jpg\n")
    with pytest.raises(LeaderboardError, match="is not UTF-8"):
        make_plan(folder, RECIPE, str(source), 100)
    assert len(folder.sizes("work/listing")) > 10
    assert load_plan(folder) is None
    source.write_text("\n".join(lines[:150]))
    plan = make_plan(folder, RECIPE, str(source), 100)
    assert [len(load_items(folder, plan, shard)) for shard in range(plan.shards)] == [100, 50]


def test_a_source_without_images_gives_no_plan(tmp_path: Path) -> None:
    """Said in one line, with what was expected."""
    (tmp_path / "empty").mkdir()
    folder = Folder(str(tmp_path / "out"))
    reason = "has no images; expected image files, .tar files or a list of paths"
    with pytest.raises(LeaderboardError, match=reason):
        make_plan(folder, RECIPE, str(tmp_path / "empty"), 4)
    assert load_plan(folder) is None


def change(stored: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(stored) | changes).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda stored: b"",
    "half": lambda stored: stored[: len(stored) // 2],
    "no text": lambda stored: b"\xff\xfe" + stored,
    "a list": lambda stored: b"[]",
    "a number": lambda stored: b"3",
    "nothing in it": lambda stored: b"{}",
    "another number": lambda stored: stored.replace(b'"images": 3', b'"images": 2'),
    "a later version": lambda stored: change(stored, format="leaderboard-plan-9"),
    "a key too few": lambda stored: json.dumps({"format": "leaderboard-plan-1"}).encode(),
    "a key too many": lambda stored: change(stored, extra=1),
    "another recipe": lambda stored: change(stored, recipe={}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_plan_is_never_gone_on_with(tmp_path: Path, damage: str) -> None:
    """Nor one of another version: one line says so."""
    folder = Folder(str(tmp_path))
    (tmp_path / "list.txt").write_text("a.jpg\nb.jpg\nc.jpg\n")
    make_plan(folder, RECIPE, str(tmp_path / "list.txt"), 2)
    stored = folder.read(PLAN)
    folder.write(PLAN, DAMAGES[damage](stored))
    assert folder.read(PLAN) != stored
    with pytest.raises(LeaderboardError) as caught:
        load_plan(folder)
    assert str(caught.value).startswith(f"{tmp_path}/{PLAN} ")
    assert "--out" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_damaged_listing_is_noticed_or_does_no_harm(data: st.DataObject) -> None:
    """Any byte may be wrong, in the metadata too; the images are then never other ones."""
    items = [Item(f"a/{number}.jpg", f"/x/a/{number}.jpg") for number in range(6)]
    items += [Item("t.tar/é.jpg", "/x/t.tar", 512, 70), Item("t.tar", "/x/t.tar", problem="it breaks off")]
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(name)
        plan = save_listed(folder, items)
        content = bytearray(folder.read(listing_file(0)))
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        folder.write(listing_file(0), bytes(content))
        told = ""
        try:
            found = load_items(folder, plan, 0)
        except LeaderboardError as error:
            told, found = str(error), items
        assert found == items
        assert not told or f"{listing_file(0)} is damaged or gone" in told
        assert "\n" not in told


@pytest.mark.parametrize("damage", ["gone", "empty", "half", "other columns", "other rows"])
def test_a_listing_that_is_another_one_is_refused(tmp_path: Path, damage: str) -> None:
    """By its name, with what to do."""
    folder = Folder(str(tmp_path))
    plan = save_listed(folder, [Item("a.jpg", "/a.jpg"), Item("b.jpg", "/b.jpg")])
    path = tmp_path / listing_file(0)
    if damage == "gone":
        path.unlink()
    elif damage == "other columns":
        pq.write_table(pa.table({"path": ["a.jpg", "b.jpg"]}), path)
    elif damage == "other rows":
        save_listed(folder, [Item("a.jpg", "/a.jpg")])
    else:
        path.write_bytes(path.read_bytes()[: 0 if damage == "empty" else path.stat().st_size // 2])
    with pytest.raises(LeaderboardError, match=r"000000.parquet is damaged or gone .* start anew with another --out"):
        load_items(folder, plan, 0)


def test_a_listing_is_not_damaged_when_all_of_the_folder_is_gone(tmp_path: Path) -> None:
    """A disk that was taken off may come back: nobody is told to start anew."""
    folder = Folder(str(tmp_path / "out"))
    plan = save_listed(folder, [Item("a.jpg", "/a.jpg")])
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        load_items(folder, plan, 0)
