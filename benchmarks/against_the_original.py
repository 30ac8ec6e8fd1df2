"""How much faster this suite is than the published scripts, for equal work, in one run.

    python benchmarks/against_the_original.py [--images DIR]

Two ratios, each the median of alternating rounds, so that a machine that slows down slows both:

- evaluate: the three protocols on tests/golden, against the published way of computing the same figures
  (a classifier per k and split, one scikit-learn L-BFGS fit per split at default tolerance, distances and
  rankings query by query). Ours takes the logistic regression further, to its optimum.
- embed: efficientnet-lite0 at float32 from image files, against the published loop (DataLoader, batch 128,
  no workers, NCHW). The vectors must agree to a cosine of 0.9999.

Not a test: timings belong to the machine. Figures: docs/speed.md.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import leaderboard
from leaderboard.cache import load_embeddings
from leaderboard.datasets import list_dataset, load_dataset
from leaderboard.extract import embed_images
from leaderboard.records import Dataset, Embeddings
from leaderboard.registry import load_registry
from leaderboard.scores import compute_scores

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).parents[1]
THREE = ("knn", "linear", "retrieval")  # the protocols of the published script
GOLDEN = ROOT / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"


def main() -> None:
    """Time both pairs and print medians and ratios."""
    parser = argparse.ArgumentParser(description="Ratios against the published way, for equal work.")
    parser.add_argument("--images", type=Path, help="folder of class folders (default: the synthetic set)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    embeddings = load_embeddings(GOLDEN)
    report(
        "evaluate", lambda: evaluate_published(embeddings), lambda: compute_scores(embeddings, THREE), options.rounds
    )
    dataset = find_images(options.images)
    paths = [dataset.root / name for name in dataset.files]
    model = leaderboard.load_model("efficientnet-lite0", device="cpu")
    theirs, ours = report(
        f"embed {len(paths)} images",
        lambda: embed_published(model.network, paths),  # type: ignore[attr-defined]
        lambda: embed_images(model, paths),
        options.rounds,
    )
    print(f"smallest cosine between their vectors and ours: {cosine(theirs, ours).min():.7f}")


def report(
    name: str, published: Callable[[], object], ours: Callable[[], object], rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Run both in turn, print medians and the ratio, and give what they returned last."""
    seconds: dict[str, list[float]] = {"published": [], "ours": []}
    returned: dict[str, object] = {}
    ours()  # imports and first-use costs are nobody's
    for _ in range(rounds):
        for label, run in (("published", published), ("ours", ours)):
            start = time.perf_counter()
            returned[label] = run()
            seconds[label].append(time.perf_counter() - start)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    ratio = medians["published"] / medians["ours"]
    print(f"{name}: published {medians['published']:.2f} s, ours {medians['ours']:.2f} s, ratio {ratio:.1f}")
    return returned["published"], returned["ours"]  # type: ignore[return-value]


def find_images(folder: Path | None) -> Dataset:
    """The folder given, or the synthetic set."""
    if folder is not None:
        return list_dataset(folder.name, folder)
    return load_dataset(load_registry(ROOT).dataset("synthetic-palynomorphs"))


def embed_published(network: torch.nn.Module, paths: list[Path]) -> np.ndarray:
    """A plain DataLoader: batch 128, no workers, torchvision's transforms, NCHW."""
    import torch
    from PIL import Image
    from torchvision import transforms

    preprocess = transforms.Compose(
        [
            transforms.Resize((256, 256), interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    class Images(torch.utils.data.Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> torch.Tensor:
            tensor: torch.Tensor = preprocess(Image.open(paths[index]).convert("RGB"))
            return tensor

    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    with torch.no_grad():
        batches = [plain(batch) for batch in torch.utils.data.DataLoader(Images(), batch_size=128)]
    return torch.cat(batches).numpy()


def evaluate_published(embeddings: Embeddings) -> None:
    """The same figures, computed one by one with scikit-learn as the published script does."""
    from sklearn.model_selection import train_test_split

    vectors, labels = embeddings.vectors, embeddings.labels
    retrieve_published(vectors, labels)
    for seed in range(10):
        train, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=seed)
        classify_published(vectors[train], labels[train], vectors[test], labels[test])


def classify_published(train: np.ndarray, truth: np.ndarray, test: np.ndarray, wanted: np.ndarray) -> None:
    """Five nearest-neighbour classifiers and one logistic regression, with their scores."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, precision_score
    from sklearn.neighbors import KNeighborsClassifier

    for k in (1, 3, 5, 7, 9):
        predicted = KNeighborsClassifier(k).fit(train, truth).predict(test)
        f1_score(wanted, predicted, average="macro")
        accuracy_score(wanted, predicted)
        balanced_accuracy_score(wanted, predicted)
        precision_score(wanted, predicted, average="macro", zero_division=0)
    regression = LogisticRegression(class_weight="balanced", max_iter=1000).fit(train, truth)
    log_loss(wanted, regression.predict_proba(test))
    balanced_accuracy_score(wanted, regression.predict(test))


def retrieve_published(vectors: np.ndarray, labels: np.ndarray) -> None:
    """Distances of each query to all images, sorted, and precision and recall at every cut-off."""
    cutoffs = (1, *range(10, 200, 10), 500)
    for query in range(len(labels)):
        distances = np.linalg.norm(vectors - vectors[query], axis=1)
        order = np.argsort(distances)[1:]
        match = labels[order] == labels[query]
        for k in cutoffs:
            match[:k].mean()
            match[:k].sum() / match.sum()


def cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Per row."""
    return np.asarray((one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1))


if __name__ == "__main__":
    main()
