"""Vectors that lie as real ones do, queries beside them, and the true neighbours of these: what stores are measured on.

The means and the covariance within classes of the golden embeddings (palynomorphs-20, efficientnet-lite0), a thousand
species around the twenty means with sizes that fall as 1/rank, and heavy tails. How alike they are is printed: the
distance to the nearest of 697 images over the median one, and the local dimension (Levina and Bickel, 2004).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from leaderboard.cache import load_embeddings
from leaderboard.simulation import Population, measure_population

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
DIMENSION, QUERIES, NEAREST = 384, 1000, 10
SPECIES, SHARE, FREEDOM = 1000, 0.2, 12  # share of the variance within a genus that is between species; of the tails
ROWS = 4096  # read at once


def measure_seconds(compute: Callable[[], object]) -> float:
    """That it takes."""
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start


def draw_all(work: Path, count: int) -> None:
    """Vectors, queries and their true neighbours as .npy files; those that are there stay."""
    if (work / "truth.npy").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    population = measure_population(load_embeddings(GOLDEN), directions=DIMENSION)
    draws = np.random.default_rng(0)
    species, sizes = _draw_species(population, draws)
    described = [_describe(vectors) for vectors in (_real(), draw(population, species, sizes, 697, draws))]
    print("nearest over median distance, local dimension: real {}, drawn {}".format(*described))
    vectors = np.lib.format.open_memmap(work / "vectors.npy", "w+", np.float32, (count, DIMENSION))
    for start in range(0, count, ROWS):
        vectors[start : start + ROWS] = draw(population, species, sizes, min(ROWS, count - start), draws)
    queries = draw(population, species, sizes, QUERIES, draws)
    begun = time.perf_counter()
    truth = find_exactly(queries, vectors)
    print(f"exact search: {time.perf_counter() - begun:.1f} s for {QUERIES} queries together")
    single = [measure_seconds(partial(find_exactly, query[None], vectors)) for query in queries[:5]]
    print(f"exact search: {np.median(single):.2f} s for one query, vectors read from the page cache")
    np.save(work / "queries.npy", queries)
    np.save(work / "truth.npy", truth)


def _draw_species(population: Population, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means (species, d) around those of the measured classes, and the share of each in the images."""
    genera = population.means[np.arange(SPECIES) % len(population.means)]
    apart = draws.standard_normal((SPECIES, DIMENSION)) @ population.root.T
    sizes = 1 / (1 + draws.permutation(SPECIES))
    return genera + np.sqrt(SHARE) * apart, sizes / sizes.sum()


def draw(
    population: Population, species: np.ndarray, sizes: np.ndarray, count: int, draws: np.random.Generator
) -> np.ndarray:
    """So many images (n, d) float32: Student's t within a species, of the measured covariance."""
    own = species[draws.choice(len(species), count, p=sizes)]
    tails = np.sqrt((FREEDOM - 2) / draws.chisquare(FREEDOM, (count, 1)))
    within = draws.standard_normal((count, DIMENSION)) @ population.root.T
    return np.asarray(own + np.sqrt(1 - SHARE) * tails * within, dtype=np.float32)


def _real() -> np.ndarray:
    return load_embeddings(GOLDEN).vectors.astype(np.float64)


def _describe(vectors: np.ndarray) -> str:
    from scipy.spatial.distance import cdist

    distances = np.sort(cdist(vectors, vectors), axis=1)[:, 1:]
    ratios = distances[:, NEAREST - 1 : NEAREST] / distances[:, : NEAREST - 1]
    dimension = np.median(1 / np.log(ratios).mean(axis=1))
    return f"{np.median(distances[:, 0]) / np.median(distances):.2f}, {dimension:.0f}"


def find_exactly(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Row numbers (m, 10) of the nearest, a block of vectors at a time."""
    best, rows = np.empty((len(queries), 0)), np.empty((len(queries), 0), np.int64)
    for start in range(0, len(vectors), ROWS):
        block = np.asarray(vectors[start : start + ROWS])
        distances = np.einsum("ij,ij->i", block, block) - 2 * queries @ block.T
        numbers = np.broadcast_to(np.arange(start, start + len(block)), distances.shape)
        best, rows = np.hstack([best, distances]), np.hstack([rows, numbers])
        kept = np.argpartition(best, NEAREST - 1, axis=1)[:, :NEAREST]
        best, rows = np.take_along_axis(best, kept, axis=1), np.take_along_axis(rows, kept, axis=1)
    return rows


def read_blocks(work: Path) -> Iterator[np.ndarray]:
    """The vectors in order, without mapping the file into memory."""
    header = np.load(work / "vectors.npy", mmap_mode="r")
    with (work / "vectors.npy").open("rb") as stream:
        stream.seek(header.offset)
        while len(block := np.fromfile(stream, np.float32, ROWS * DIMENSION)):
            yield block.reshape(-1, DIMENSION)


def read_sample(work: Path, wanted: int) -> np.ndarray:
    """A random sample in the order of the file; at most all."""
    count = len(np.load(work / "vectors.npy", mmap_mode="r"))
    chosen = np.sort(np.random.default_rng(1).permutation(count)[:wanted])
    blocks = enumerate(read_blocks(work))
    return np.concatenate([block[chosen[chosen // ROWS == number] % ROWS] for number, block in blocks])
