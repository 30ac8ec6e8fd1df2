"""Licences as the Hub's cards spell them -> SPDX's spelling. Pure."""

from __future__ import annotations

from collections.abc import Mapping

IN_SPDX = (  # identifiers that are the same but for the case of letters: spdx.org/licenses
    *("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "ISC", "MPL-2.0", "Zlib", "Unlicense"),
    *("CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0"),
    *("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0"),
    *("GPL-2.0", "GPL-3.0", "AGPL-3.0", "LGPL-2.1", "LGPL-3.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2", "ECL-2.0"),
    *("AFL-3.0", "Artistic-2.0", "BSL-1.0", "MS-PL", "OSL-3.0", "PostgreSQL", "WTFPL", "NCSA"),
)
SPELLING: Mapping[str, str] = {name.lower(): name for name in IN_SPDX}


def find_licence(declared: str | None, name: str | None) -> tuple[str | None, str]:
    """The licence to write into an entry, and where it is from; None where the card states none.

    Args:
        declared: ``license`` of the card.
        name: ``license_name`` of the card, which counts where the licence is "other".
    """
    if declared is None or declared == "unknown":
        return None, "the Hub's card declares none"
    if declared != "other":
        return SPELLING.get(declared.lower(), declared), "the Hub's card"
    if name is not None:
        return name, "the Hub's card, under license_name"
    return None, "the Hub's card says 'other' and gives no name"
