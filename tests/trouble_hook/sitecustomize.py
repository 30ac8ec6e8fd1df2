"""Trouble at a chosen point of somebody else's process: Python imports this file where its folder is on PYTHONPATH.

``$TROUBLE`` is a folder with ``plot.json``. What a process does to files is counted, as far as ``match`` (a regular
expression) is found in their names and ``role`` is the process's; at the count that a file in ``$TROUBLE/at`` is named
by, that file is taken away, and before the deed, or ``delay`` seconds later, there is the trouble: a signal to this
process, or files moved away. Whichever process comes to a count first has it, and nobody again, unless at "always".
"""

import json
import os
import re
import shutil
import sys
import threading
import time
from pathlib import Path

WATCHED = ("open", "os.chmod", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir")
ROLE = "driver" if "leaderboard" in sys.orig_argv else "worker" if "default_worker.py" in str(sys.orig_argv) else "none"
FOLDER = Path(os.environ.get("TROUBLE", "nowhere"))
counted = 0
busy = threading.local()
guard = threading.Lock()


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: called before every deed of the interpreter."""
    if event not in WATCHED or getattr(busy, "now", False):
        return
    names = [os.fsdecode(name) for name in arguments if isinstance(name, (str, bytes))]
    if not names:
        return
    busy.now = True
    try:
        consider(event, names)
    finally:
        busy.now = False


def consider(event: str, names: list[str]) -> None:
    """Whether this is the point."""
    global counted
    try:
        plot = json.loads((FOLDER / "plot.json").read_text())
    except FileNotFoundError:
        return
    if plot["role"] != ROLE:
        return
    if not any(re.search(plot["match"], name) for name in names):
        return
    time.sleep(plot["slow"])
    with guard:
        counted += 1
        (FOLDER / f"counted.{os.getpid()}").write_text(str(counted))
        is_due = take(FOLDER / "at" / str(counted)) or (FOLDER / "at" / "always").exists()
    if is_due and plot["delay"]:
        threading.Timer(plot["delay"], act, [plot]).start()
    elif is_due:
        act(plot)


def take(token: Path) -> bool:
    """Whether it was there, and nobody else was faster."""
    try:
        token.unlink()
    except FileNotFoundError:
        return False
    return True


def act(plot: dict) -> None:
    """A signal to this process, or files moved away."""
    if plot["signal"]:
        os.kill(os.getpid(), plot["signal"])
        time.sleep(0.01)  # an interruption is raised in the main thread, between two of its steps
    for path, to in plot["move"].items():
        Path(to).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, to)


if FOLDER.is_dir():
    sys.addaudithook(watch)
