"""What every torch backbone shares: device, batches, the digest over its tensors."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

import numpy as np
import torch
from PIL import Image

from leaderboard.backbones import loader_version
from leaderboard.errors import LeaderboardError
from leaderboard.images import prepare_image
from leaderboard.records import ModelSpec, Preprocessing, RunOptions

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
DISTRIBUTIONS = {"open_clip": "open_clip_torch"}  # libraries that PyPI knows by another name
OUT_OF_MEMORY = re.compile("out of memory|t allocate memory|not enough memory")  # a plain RuntimeError on mps and cpu
BATCH_SIZE = {"cpu": 8, "mps": 32, "cuda": 64}  # 8 on the CPU: activations stay in its cache, 2.5 times batch 128


@dataclass
class TorchBackbone:
    """A torch network and the way from its input to one vector per image."""

    spec: ModelSpec
    network: torch.nn.Module
    features: Callable[[torch.Tensor], torch.Tensor]  # (b, 3, h, w) -> (b, d)
    prepare: Callable[[Image.Image], np.ndarray]  # RGB image -> (h, w, 3) float32
    device: torch.device
    dtype: torch.dtype
    batch_size: int
    inputs: Mapping[str, object]
    environment: Mapping[str, object]
    parameters: int = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = sum(tensor.numel() for tensor in self.network.parameters())
        with out_of_memory_as_such():
            self.network.to(device=self.device, dtype=self.dtype).eval()
            self.network.to(memory_format=torch.channels_last)

    def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Prepared images -> (b, d) float32. Images are (h, w, 3): in memory that is torch's channels_last."""
        with out_of_memory_as_such():
            images = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).to(self.device, self.dtype)
            with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):  # float32 means float32
                return np.ascontiguousarray(self.features(images).float().cpu().numpy())


@contextmanager
def out_of_memory_as_such() -> Iterator[None]:
    """Torch's several ways of saying that memory is out, as Python's one."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not OUT_OF_MEMORY.search(str(error)):
            raise
        reason = str(error).splitlines()[0]
    else:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # what the failed attempt left, for the next one
    raise MemoryError(reason)


def has_class_token(network: torch.nn.Module) -> bool:
    """Whether the first token is a class token: by its own parameter, whatever the library calls it."""
    return any(name.endswith(("cls_token", "class_embedding")) for name, _ in network.named_parameters())


def build(
    spec: ModelSpec,
    network: torch.nn.Module,
    features: Callable[[torch.Tensor], torch.Tensor],
    prepare: Preprocessing | Callable[[Image.Image], np.ndarray],
    *,
    weights: Mapping[str, object],
    options: RunOptions,
) -> TorchBackbone:
    """Put a loaded network on its device, once its tensors are known to be the declared ones.

    Raises:
        LeaderboardError: tensors other than the entry's digest, or an unknown device or dtype.
    """
    digest = digest_tensors(network)
    if spec.digest is not None and digest != spec.digest:
        raise LeaderboardError(
            f"the tensors of {weights.get('source')} have digest {digest}, the entry declares "
            f"{spec.digest}; this source holds another model"
        )
    device = choose_device(options.device)
    explicit = prepare if isinstance(prepare, Preprocessing) else None
    inputs = {
        "library": spec.library,
        "loader": loader_version(spec.library),
        "architecture": spec.architecture,
        "pooling": spec.pooling,
        "seed": spec.seed,
        "preprocessing": asdict(explicit) if explicit else spec.preprocessing,
        "preprocessing_of": "model" if spec.preprocessing == "model" else "entry",
        "dtype": options.dtype,
        "weights": {**weights, "digest": digest},
    }
    return TorchBackbone(
        spec=spec,
        network=network,
        features=features,
        prepare=(lambda image: prepare_image(image, explicit)) if explicit else prepare,  # type: ignore[arg-type]
        device=device,
        dtype=_choose_dtype(options.dtype),
        batch_size=options.batch_size or BATCH_SIZE.get(device.type, 32),
        inputs=inputs,
        environment=describe_environment(spec.library, device),
    )


def choose_device(name: str | None) -> torch.device:
    """The device asked for, else cuda, else mps, else the CPU.

    Raises:
        LeaderboardError: a device that torch does not know or this machine does not have.
    """
    if name is None:
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        return torch.device(next(kind for kind, there in available.items() if there))
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise LeaderboardError(f"--device {name}: {reason}; try cpu, cuda, cuda:0 or mps") from None
    return device


def _choose_dtype(name: str) -> torch.dtype:
    if name not in DTYPES:
        raise LeaderboardError(f"--dtype {name} is not one of {', '.join(DTYPES)}")
    return DTYPES[name]


def describe_environment(library: str, device: torch.device) -> dict[str, object]:
    """Device and versions, for the provenance."""
    packages = sorted({"torch", "pillow", "numpy", DISTRIBUTIONS.get(library, library)})
    described: dict[str, object] = {name: version(name) for name in packages}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return described | {"device": device.type, "hardware": name, "python": platform.python_version()}


def digest_tensors(network: torch.nn.Module) -> str:
    """SHA-256 over name, dtype, shape and bytes of every tensor of the state, sorted by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
