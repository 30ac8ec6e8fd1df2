"""Tables of what is in a folder of images, whatever the model: pure functions of a collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from leaderboard.report.collection_file import Collection
from leaderboard.report.tables.models import make_frame

if TYPE_CHECKING:
    import pandas as pd


def tabulate_classes(collection: Collection) -> pd.DataFrame:
    """A row per class, or one for all images without classes: how many, and their sizes in pixels."""
    labels = collection.labels if len(collection.labels) else np.zeros(len(collection.files), np.int64)
    names = collection.classes or ("all images",)
    return make_frame([_describe_class(name, collection.sizes[labels == index]) for index, name in enumerate(names)])


def _describe_class(name: str, sizes: np.ndarray) -> dict[str, object]:
    """Of (n, 2) widths and heights; a class whose images are all unreadable has no sizes."""
    row: dict[str, object] = {"class": name, "images": len(sizes)}
    for column, side in enumerate(("width", "height")):
        lengths = sizes[:, column]
        low, middle, high = np.quantile(lengths, (0, 0.5, 1)) if len(lengths) else [np.nan] * 3
        row |= {f"least {side}": _whole(low), f"median {side}": _whole(middle), f"greatest {side}": _whole(high)}
    return row


def _whole(value: float) -> float:
    """493 rather than 493.0; the median of an even number of images may be a half."""
    return int(value) if float(value).is_integer() else float(value)


def tabulate_duplicates(collection: Collection) -> pd.DataFrame:
    """A row per pair of copies: which kind, both files with their classes, and how similar; exact ones first.

    Of a group of exact copies the first image is paired with each other one.
    """
    return make_frame(list(_list_pairs(collection)))


def _list_pairs(collection: Collection) -> Iterator[dict[str, object]]:
    exact = [(group[0], other, 1.0) for group in collection.exact_duplicates for other in group[1:]]
    for kind, pairs in (("exact", exact), ("near", collection.near_duplicates)):
        for i, j, similarity in pairs:
            row: dict[str, object] = {"copy": kind, "file": collection.files[i], "other file": collection.files[j]}
            if len(collection.labels):
                first, second = (collection.classes[collection.labels[index]] for index in (i, j))
                row |= {"class": first, "other class": second, "same class": "yes" if first == second else "no"}
            yield row | {"similarity": float(similarity)}


def tabulate_bad_files(collection: Collection) -> pd.DataFrame:
    """A row per file that could not be read, with the reason."""
    return make_frame([{"file": name, "reason": reason} for name, reason in collection.bad.items()])
