"""What a licence lets one do, in three groups to choose by; what counts is its text, which every row names. Pure."""

from __future__ import annotations

from collections.abc import Mapping

OPEN = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-4.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "NLOD-2.0",
        "Unlicense",
    }
)  # any use and any change, at most with the name of who made it; SPDX names
GROUPS: Mapping[str, str] = {
    "open": "open: Apache, MIT, BSD, CC BY",
    "restricted": "with conditions, or non-commercial",
    "unstated": "not stated",
}  # id in addresses -> words


def classify_licence(licence: str | None) -> str:
    """One of ``GROUPS``; what nobody here has read for open has conditions."""
    if licence is None:
        return "unstated"
    return "open" if licence in OPEN else "restricted"
