"""faiss asked in a process of its own: queries in, rows and distances out, as .npz on standard input and output.

faiss and torch bring an OpenMP runtime each, and on macOS a process with both may crash (faiss-wheels, issue 73).
"""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from leaderboard.errors import LeaderboardError


def ask_apart(
    folder: Path, parts: tuple[str, ...], queries: np.ndarray, k: int, effort: int
) -> tuple[np.ndarray, np.ndarray]:
    """As ``store.ask``.

    Raises:
        LeaderboardError: what the other process says.
    """
    given = BytesIO()
    what = json.dumps({"folder": str(folder), "parts": parts, "k": k, "effort": effort})
    np.savez(given, what=np.array(what), queries=queries)
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, input=given.getvalue(), capture_output=True, check=False)  # noqa: S603  # ourselves
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise LeaderboardError(last.removeprefix("leaderboard: ") or f"faiss ended with code {done.returncode}")
    found = np.load(BytesIO(done.stdout), allow_pickle=False)
    return found["rows"], found["distances"]


def main() -> None:
    """Answer one such question."""
    from leaderboard.vector_index.store import ask_here

    given = np.load(BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    what = json.loads(str(given["what"]))
    folder, parts = Path(what["folder"]), tuple(what["parts"])
    try:
        rows, distances = ask_here(folder, parts, given["queries"], what["k"], what["effort"])
    except LeaderboardError as error:
        sys.exit(f"leaderboard: {error}")
    answer = BytesIO()
    np.savez(answer, rows=rows, distances=distances)
    sys.stdout.buffer.write(answer.getvalue())


if __name__ == "__main__":
    main()
