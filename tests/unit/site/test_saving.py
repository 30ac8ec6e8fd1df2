"""The site's folder: what is written, what is removed, and what is never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.site.saving import CONTENTS, OURS, check_folder, save_site

OLD = {
    "index.html": b"old",
    "models/gone.html": b"gone",
    "models/kept.html": b"kept",
    "data/gone.js": b"gone",
    "thumbnails/x/00000.jpg": b"gone",
}
NEW = {"index.html": b"new", "models/kept.html": b"kept"}


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of the site but its list of them."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != CONTENTS)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with an older site."""
    folder = tmp_path / "site"
    save_site(OLD, folder)
    return folder


def test_a_site_over_an_older_one_leaves_nothing_of_it(out: Path) -> None:
    """Neither files nor the folders that they were in."""
    save_site(NEW, out)
    assert snapshot(out) == NEW
    assert not (out / "data").exists()
    assert not (out / "thumbnails").exists()


def test_what_is_unchanged_is_not_written_again(out: Path) -> None:
    """Whoever copies a site elsewhere sends only what is new."""
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    save_site(OLD, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_a_file_that_somebody_added_stays(out: Path) -> None:
    """A CNAME, say."""
    (out / "CNAME").write_bytes(b"fossils.example")
    (out / "thumbnails" / "x" / "mine.txt").write_bytes(b"mine")
    save_site(NEW, out)
    assert snapshot(out) == {**NEW, "CNAME": b"fossils.example", "thumbnails/x/mine.txt": b"mine"}


def test_a_build_that_was_killed_is_completed_by_the_next(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that it may have written is in the list by then, and removed when it is not of this site."""
    replace = Path.replace

    def replace_until_killed(self: Path, target: Path) -> Path:
        if target.name == "new.html":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_until_killed)
        with pytest.raises(KeyboardInterrupt):
            save_site({"reading.html": b"half", "models/new.html": b"new"}, out)
    assert (out / "reading.html").exists()
    save_site(NEW, out)
    assert snapshot(out) == NEW


@pytest.mark.parametrize(
    "content", ["", "thesis.tex\n", "# Files of mine\nthesis.tex\n"], ids=["none", "list", "another list"]
)
def test_a_folder_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    """Before the work as after it; a file that is called like our list is not yet ours."""
    (tmp_path / "thesis.tex").write_bytes(b"five years")
    if content:
        (tmp_path / CONTENTS).write_text(content)
    for refuse in (check_folder, lambda folder: save_site(NEW, folder)):
        with pytest.raises(LeaderboardError, match=r"is not empty, and no site of ours is there; choose another"):
            refuse(tmp_path)
    assert (tmp_path / "thesis.tex").read_bytes() == b"five years"
    assert not (tmp_path / "index.html").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "site").write_bytes(b"")
    with pytest.raises(LeaderboardError, match=r"site is a file, not a folder; choose another one with --out"):
        save_site(NEW, tmp_path / "site")


def test_the_working_tree_of_an_empty_branch_may_be_written_into(tmp_path: Path) -> None:
    """Which is how a site gets onto GitHub Pages."""
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    save_site(NEW, tmp_path)
    assert snapshot(tmp_path) == {**NEW, ".git": b"gitdir: elsewhere"}


CLAIMS = [
    "../outside.txt",
    "{outside}",
    "linked/outside.txt",
    "models",
    "",
    ".git/HEAD",
    "CNAME",
    "data/.mine",
    "data/x/y",
]


@pytest.mark.parametrize("line", [*CLAIMS, "assets/outside.txt", "models/mine.txt", "thumbnails/x/mine.png"])
def test_nothing_but_the_files_of_a_site_is_removed(out: Path, line: str) -> None:
    """Whatever its list claims, which may have come with a branch."""
    outside = out.parent / "outside.txt"
    outside.write_bytes(b"mine")
    for name in (".git/HEAD", "CNAME", "data/.mine", "data/x/y", "models/mine.txt", "thumbnails/x/mine.png"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(b"mine")
    (out / "assets").mkdir()
    (out / "assets" / "outside.txt").symlink_to(outside)
    (out / "linked").symlink_to(out.parent)
    with (out / CONTENTS).open("a") as stream:
        stream.write(line.format(outside=outside) + "\n")
    before = snapshot(out)
    save_site(OLD, out)
    assert outside.read_bytes() == b"mine"
    assert snapshot(out) == before


@pytest.mark.parametrize("folder", ["models", "thumbnails", "thumbnails/x"])
@pytest.mark.parametrize("target", ["outside", "site/assets"], ids=["outside", "inside"])
def test_a_folder_that_leads_elsewhere_is_refused_before_the_work(tmp_path: Path, folder: str, target: str) -> None:
    """Outside of the site, or to another part of it; nothing there is touched."""
    out = tmp_path / "site"
    save_site({"index.html": b"old", "assets/kept.html": b"kept"}, out)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept.html").write_bytes(b"mine")
    (out / folder).parent.mkdir(exist_ok=True)
    (out / folder).symlink_to(tmp_path / target)
    for refuse in (check_folder, lambda folder: save_site(OLD, folder)):
        with pytest.raises(
            LeaderboardError, match=rf"{folder} is a link to [^\n]*; remove the link, or choose another"
        ):
            refuse(out)
    assert (tmp_path / "outside" / "kept.html").read_bytes() == b"mine"
    assert (out / "assets" / "kept.html").read_bytes() == b"kept"
    assert (out / "index.html").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["data/mine.js", "index.html"])
def test_a_file_of_somebody_else_is_not_overwritten(out: Path, name: str) -> None:
    """Where a site of ours has not listed it; the same bytes are no loss."""
    (out / CONTENTS).write_text((out / CONTENTS).read_text().replace("index.html\n", ""))
    (out / name).write_bytes(b"mine")
    with pytest.raises(LeaderboardError, match=rf"{name} is in the way: [^\n]*; move it, or choose another folder"):
        save_site({"reading.html": b"new", name: b"new"}, out)
    assert (out / name).read_bytes() == b"mine"
    assert not (out / "reading.html").exists()
    save_site({name: b"mine"}, out)
    assert (out / name).read_bytes() == b"mine"


def test_a_link_that_leads_nowhere_is_a_file_of_somebody_else(out: Path) -> None:
    """It is not replaced."""
    (out / "reading.html").symlink_to("nowhere")
    with pytest.raises(LeaderboardError, match=r"reading\.html is in the way"):
        save_site({"reading.html": b"new"}, out)
    assert (out / "reading.html").is_symlink()


def test_what_has_the_name_of_a_folder_or_a_page_is_refused_before_the_work(tmp_path: Path) -> None:
    """A file where the site has a folder, and the other way round."""
    out = tmp_path / "site"
    save_site({"index.html": b"old"}, out)
    (out / "models").write_bytes(b"mine")
    with pytest.raises(LeaderboardError, match=r"models is a file where the site has a folder; remove it, or choose"):
        check_folder(out)
    (out / "models").unlink()
    (out / "compare.html").mkdir()
    with pytest.raises(LeaderboardError, match=r"compare\.html is a folder where the site has a file; remove it, or"):
        check_folder(out)
    (out / "compare.html").rmdir()
    (out / "data" / "x.js").mkdir(parents=True)
    with pytest.raises(LeaderboardError, match=r"x\.js is a folder where the site has a file; remove it, or choose"):
        save_site({"index.html": b"new", "data/x.js": b"new"}, out)
    assert (out / "index.html").read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    """A link that leads nowhere; a place below a file."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LeaderboardError, match=r"link is a link to .*nowhere, which does not exist; remove it or"):
        check_folder(tmp_path / "link")
    with pytest.raises(LeaderboardError, match=r"site lies below .*file, which is a file; choose another folder"):
        check_folder(tmp_path / "file" / "site")
    assert not (tmp_path / "nowhere").exists()


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    """It is what was named."""
    (tmp_path / "there").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "there")
    save_site(OLD, tmp_path / "here")
    save_site(NEW, tmp_path / "here")
    assert snapshot(tmp_path / "there") == NEW


@pytest.mark.parametrize(
    "name", ["models/a\nb.html", "models/../x.html", "CNAME", "models/a\u2028b.html", "/index.html"]
)
def test_a_path_that_the_next_build_would_not_believe_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    """A line break would make two lines of it; nothing is written."""
    with pytest.raises(ValueError, match=r"is no path of a site; expected one that fits"):
        save_site({"index.html": b"new", name: b"new"}, tmp_path)
    assert snapshot(tmp_path) == {}


def test_every_path_of_a_real_site_is_one_of_its_shapes() -> None:
    """By the examples of each kind."""
    for name in (*OLD, ".nojekyll", "compare.html", "assets/compare-figures.js", "data/palynomorphs-20.js"):
        assert OURS.fullmatch(name), name
