"""Tensors of a file that lie inside of parts which are read, but for which the built network has no place. Pure."""

from __future__ import annotations

from collections.abc import Collection

HEADS = frozenset(
    {"head", "heads", "head_dist", "fc", "fc_norm", "classifier", "last_linear", "logits", "proj", "pooler"}
)
BUFFERS = ("position_ids", "relative_position_index", "relative_coords_table", "attn_mask", "num_batches_tracked")


def find_strangers(unread: Collection[str], taken: Collection[str], tensors: Collection[str]) -> list[str]:
    """Those that no drop may take away: the file's network has more to it than the one that was built.

    A layer scale in a block that is read, or a fifth layer where four were built, changes the vectors. What lies
    beside everything that is read (a decoder, a text tower, a classifier) does not.

    Args:
        unread: names of tensors in the file that the built network does not take.
        taken: the built network's own names; in the file they may stand behind one more part, as `vit.`.
        tensors: all names in the file.
    """
    parts = {name.partition(".")[0] for name in taken if "." in name}
    bases = _find_bases(set(unread), set(taken), tensors)
    return [
        name
        for name in unread
        if any(_is_inside(name.removeprefix(base), parts) for base in bases if name.startswith(base))
    ]


def _is_inside(name: str, parts: Collection[str]) -> bool:
    """Whether it belongs to a part that is read, and is neither of a classifier nor a table of places."""
    words = name.split(".")
    return words[0] in parts and HEADS.isdisjoint(words) and not name.endswith(BUFFERS)


def _find_bases(unread: Collection[str], taken: Collection[str], tensors: Collection[str]) -> set[str]:
    """What stands in the file before the names of the network: nothing, or its own name there."""
    read = [name for name in tensors if name not in unread]
    whole = {""} if any(name in taken for name in read) else set()
    split = (name.partition(".") for name in read)
    return whole | {f"{first}." for first, _, rest in split if rest in taken}
