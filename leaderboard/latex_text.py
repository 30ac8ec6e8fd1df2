"""Text that LaTeX prints as it is."""

from __future__ import annotations

import re
import unicodedata

# "[" and "*" after the end of a row would be read as an option of it.
ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\char34{}", "[": "{[}", "]": "{]}", "*": "{*}",
    **{letter: f"\\{letter}" for letter in "_&%#${}"},
})  # fmt: skip
QUOTED = re.compile(r'"([^"]*)"')


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it is; control characters become blanks, undecodable bytes question marks."""
    printable = text.encode("utf-8", "replace").decode("utf-8")
    blank = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in printable)
    return blank.translate(ESCAPES)


def escape_prose(text: str) -> str:
    """The same for sentences: what stands between straight quotation marks gets opening and closing ones."""
    return escape_latex(QUOTED.sub(r"``\1''", text))
