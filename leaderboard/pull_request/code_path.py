"""Which files decide about figures: what measuring a cell imports, found by reading the imports, so no list can age."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

PACKAGE = Path(__file__).resolve().parents[1]
START = "leaderboard.run"  # what measures a cell
BACKBONES = "leaderboard/backbones/"  # one file per library: those of other libraries do not concern a model
BESIDE = ("pyproject.toml", "tests/bench/", "tests/conftest.py", "leaderboard/canary_images/")  # not imported, but read
CONFIGURATION = (".py", ".ini", ".cfg", ".toml", ".pth")  # at the top: of pytest, or in the place of a library
FOLDERS = ("leaderboard", "tests", "benchmarks", "docs", ".github", ".ci")  # of ours: another may be a library's name


def concerns_every_model(file: str) -> bool:
    """Whether a change of this file, relative to the clone, may change the figures of any model."""
    if library_of(file) is not None:
        return False
    folders = {str(folder) for folder in PurePosixPath(file).parents}
    in_package = not folders.isdisjoint(_list_measuring_packages())
    return in_package or file.startswith(BESIDE) or file in list_measuring_files() or _comes_first(file)


def _comes_first(file: str) -> bool:
    """Whether Python or pytest would find it before what is installed: `torch/__init__.py`, `pytest.ini`."""
    top, _, rest = file.partition("/")
    return (top not in FOLDERS and file.endswith(".py")) if rest else file.endswith(CONFIGURATION)


def library_of(file: str) -> str | None:
    """The loading library that a file is about; None for all others."""
    name = file.removeprefix(BACKBONES)
    is_library = file.startswith(BACKBONES) and name.endswith(".py") and not name.startswith("_") and "/" not in name
    return name.removesuffix(".py") if is_library else None


@cache
def list_measuring_files() -> frozenset[str]:
    """Every file of the package that measuring may read, as ``leaderboard/...``.

    A package that is reached counts as a whole, since some find their modules by looking into their folder.
    """
    reached: set[Path] = set()
    waiting = [*_files_of(START), PACKAGE / "__init__.py"]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [file for name in _imports(path) for file in _files_of(name)]
    return frozenset(path.relative_to(PACKAGE.parent).as_posix() for path in reached)


@cache
def _list_measuring_packages() -> frozenset[str]:
    """Folders of which any file counts, at whatever depth, also one that is new or gone."""
    folders = {file.rpartition("/")[0] for file in list_measuring_files()}
    return frozenset(folders - {PACKAGE.name})


def _imports(path: Path) -> Iterator[str]:
    """The project's modules that a file imports, inside functions too."""
    if path.suffix != ".py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _files_of(name: str) -> list[Path]:
    """The file of a module, every file of a package; nothing for what is neither, or not ours, or everything."""
    first, *parts = name.split(".")
    if first != PACKAGE.name or not parts:
        return []
    place = PACKAGE.joinpath(*parts)
    if place.is_dir():
        return [path for path in place.iterdir() if path.is_file()]
    return [place.with_suffix(".py")] if place.with_suffix(".py").is_file() else []
