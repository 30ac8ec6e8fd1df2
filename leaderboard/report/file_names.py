"""Names for what is written about images, one each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

LONGEST = 150  # bytes; file systems allow 255, with the ending and what a temporary file adds


def name_files(paths: Sequence[Path]) -> list[str]:
    """A name without ending for each path: safe on every file system, and no two alike, whatever the case.

    Letters and digits of any script stay; all else becomes a hyphen.
    """
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        stem = re.sub(r"[^\w.-]+", "-", normalize("NFC", path.stem)).strip("-.")
        stem = stem.encode()[:LONGEST].decode(errors="ignore") or "image"
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names
