"""Trouble that a run on a service's files can have: each function brings it about and checks that it ends as described.

Each takes a running S3 and a seed, and returns how many runs it took. AssertionError: not as described.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from s3_server import S3, Trouble
from shard_reference import reference
from shard_tools import Ended, check_same, embed_here, place

SHARES = {"throttled": 0.1, "dropped": 0.1}  # of all requests
PATIENCE = 120  # seconds after which a run has to say that the service does not answer


@contextmanager
def bucket(s3: S3, trouble: Trouble) -> Iterator[tuple[str, Path]]:
    """The reference's images in a new bucket, and a folder; the trouble begins when they are there."""
    s3.trouble(Trouble())
    s3.upload(reference().images, "slides", "site/")
    try:
        with place() as folder:
            s3.trouble(trouble)
            yield "s3://slides/site", folder
    finally:
        s3.trouble(Trouble())
        s3.remove_bucket("slides")


def _embed(s3: S3, source: object, out: object, **environment: str) -> Ended:
    return embed_here(source, out, **s3.environment | environment)


def _check_struck(trouble: Trouble) -> None:
    assert trouble.counts["throttled"], trouble.counts
    assert trouble.counts["dropped"], trouble.counts


def images_there(s3: S3, seed: int) -> int:
    """A folder of images and a tar, throttled and cut off: the same bytes as from the disk."""
    with bucket(s3, trouble := Trouble(**SHARES, seed=seed)) as (source, folder):
        _embed(s3, source, folder / "out").check(0)
        _check_struck(trouble)
        check_same(reference().out, folder / "out", source=source)
    return 1


def list_there(s3: S3, seed: int) -> int:
    """A list and a tar by their own addresses: the same bytes as from the disk."""
    images, draws = reference().images, random.Random(seed)
    names = [path.relative_to(images).as_posix() for path in sorted(images.rglob("*.jpg"))]
    draws.shuffle(names)
    with bucket(s3, Trouble(**SHARES, seed=seed)) as (source, folder), place() as near:
        (near / "images").symlink_to(images)
        (near / "list.txt").write_text("".join(f"images/{name}\n" for name in names))
        text = "".join(f"site/{name}\n" for name in names) + "s3://No Bucket!/x.jpg\n"  # a failure, nothing else
        s3.client.put_object(Bucket="slides", Key="list.txt", Body=text.encode())
        for there, here in (("s3://slides/list.txt", near / "list.txt"), (f"{source}/most.tar", images / "most.tar")):
            out, expected = folder / here.suffix[1:], folder / f"{here.suffix[1:]}-expected"
            embed_here(here, expected).check(0)
            _embed(s3, there, out).check(0)
            _check_vectors(expected, out)
    return 1


def _check_vectors(expected: Path, found: Path) -> None:
    """The same rows; lists differ in how they call them."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(folder / "shards", columns=["embedding", "sha256"]) for folder in (expected, found)]
    assert tables[0].num_rows == 36
    assert tables[0].equals(tables[1])


def out_there(s3: S3, seed: int) -> int:
    """Shards in a bucket, in spite of it all the same bytes as on the disk; and gone on with there."""
    known = reference()
    with bucket(s3, trouble := Trouble(**SHARES, seed=seed)) as (_, folder):
        _embed(s3, known.images, "s3://slides/out").check(0)
        _check_struck(trouble)
        s3.trouble(Trouble())
        s3.client.delete_object(Bucket="slides", Key="out/shards/000002.parquet")
        _embed(s3, known.images, "s3://slides/out").check(0)
        _check_out(s3, folder)
    return 2


def _check_out(s3: S3, folder: Path) -> None:
    """What was written into the bucket, fetched into a folder, is the reference's."""
    for name, content in s3.contents("slides", "out/").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    check_same(reference().out, folder)


def bucket_gone(s3: S3, seed: int) -> int:
    """A bucket that vanishes in the middle: one line, exit code 1; once it is back, the run goes on."""
    known, draws = reference(), random.Random(seed)
    trouble = Trouble(at=draws.randint(12, 40), act=lambda: s3.remove_bucket("slides"))
    with bucket(s3, trouble) as (source, folder):
        ended = _embed(s3, source, folder / "out")
        ended.check(1, source, "shards are finished", "run the same again")
        s3.upload(known.images, "slides", "site/")
        _embed(s3, source, folder / "out").check(0)
        check_same(known.out, folder / "out", source=source)
    return 2


def out_gone(s3: S3, seed: int) -> int:
    """The bucket that is written to: one line, exit code 1."""
    known, draws = reference(), random.Random(seed)
    trouble = Trouble(at=draws.randint(12, 24), act=lambda: s3.remove_bucket("slides"))
    with bucket(s3, trouble) as (_, folder):
        _embed(s3, known.images, "s3://slides/out").check(1, "s3://slides/out")
        s3.upload(known.images, "slides", "site/")
        _embed(s3, known.images, "s3://slides/out").check(0)
        _check_out(s3, folder)
    return 2


def refused(s3: S3, seed: int) -> int:
    """A wrong account, none, an unknown bucket or folder: one line each, and at once."""
    del seed
    with bucket(s3, Trouble()) as (source, folder):
        out = folder / "out"
        _embed(s3, source, out, AWS_ACCESS_KEY_ID="AKIASOMEBODYELSE").check(1, "Forbidden", "check the account")
        _embed(s3, source, out, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="").check(1, "credentials")
        _embed(s3, "s3://nobody/slides", out).check(2, "does not exist")
        _embed(s3, f"{source}/nothing", out).check(2, "does not exist")
        images = reference().images
        _embed(s3, images, "s3://nobody/out").check(1, "bucket does not exist")
        _embed(s3, images, "s3://slides/out", AWS_ACCESS_KEY_ID="AKIASOMEBODYELSE").check(1, "Access Key Id")
        assert not out.exists()
    return 1


def unanswered(s3: S3, seed: int) -> int:
    """All requests throttled, or cut off, from the first on or within a file: one line, exit code 1, two minutes."""
    share = {random.Random(seed).choice(["throttled", "dropped"]): 1.0}
    with bucket(s3, Trouble(**share)) as (source, folder):
        ended = _embed(s3, source, folder / "out").check(1, source, "cannot be listed")
        assert ended.seconds < PATIENCE, f"{ended.seconds:.0f} s"
        s3.trouble(Trouble())
        s3.client.put_object(Bucket="slides", Key="list.txt", Body=b"site/first/000.jpg\n" * 3000)
        trouble = s3.trouble(Trouble(at=2))
        trouble.act = lambda: setattr(trouble, "dropped", 1.0)  # from the list's own bytes on
        _embed(s3, "s3://slides/list.txt", folder / "other").check(1, "list.txt", "cannot be listed")
    return 1


SERVICE: dict[str, Callable[[S3, int], int]] = {
    "S3: images, 10 % throttled, 10 % cut off": images_there,
    "S3: list and tar, the same": list_there,
    "S3: --out, the same": out_there,
    "S3: bucket of the images vanishes": bucket_gone,
    "S3: bucket of --out vanishes": out_gone,
    "S3: wrong account, unknown bucket": refused,
    "S3: no answer at all": unanswered,
}
