"""Records that say themselves whether they are whole: JSON with a checksum of what it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def seal(record: Mapping[str, Any]) -> bytes:
    """The record as JSON, with its checksum."""
    return json.dumps({**record, "checksum": _digest(record)}, indent=1, sort_keys=True).encode()


def unseal(content: bytes) -> dict[str, Any]:
    """The record, without its checksum.

    Raises:
        ValueError: it is no such thing, or was changed.
    """
    record = json.loads(content)
    if not isinstance(record, dict) or record.pop("checksum", None) != _digest(record):
        raise ValueError("its checksum does not fit")
    return record


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
