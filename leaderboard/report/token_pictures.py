"""Patch tokens and attention -> a figure per image. Pure: arrays in, matplotlib figures out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.paths import replacing
from leaderboard.report.figures._style import new_figure, plain, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from leaderboard.backbones._tokens import Tokens
    from leaderboard.report.model_view import Box

PANEL = 2.3  # inches
TITLE = 90  # characters
TITLES, CAPTION = 1.2, 0.3  # inches that text takes: titles over and between the rows, and the line at the foot
DPI = 150
HEATMAP = "magma"  # even steps of lightness: it reads the same to colour-blind eyes and in print
VEIL = 0.6  # opacity of what is laid over an image
TAILS = (2, 98)  # percentiles at which register attention is clipped
SMOOTHING = 1.0  # patches: the deviation of the Gaussian over register attention
FRAME, EDGE = "#D55E00", "#cccccc"


@dataclass(frozen=True)
class Look:
    """All that one image's figure is made of."""

    title: str
    image: np.ndarray  # (height, width, 3) uint8, the whole file
    view: np.ndarray  # (h, w, 3) uint8, as the model saw it
    box: Box  # where the view lies in the image
    tokens: Tokens
    colours: np.ndarray  # (rows, columns, 3)
    foreground: np.ndarray  # (rows, columns, 4)


@dataclass(frozen=True)
class Layer:
    """One column of the figure: a map over the patches."""

    title: str
    values: np.ndarray  # (rows, columns), or with 3 or 4 colour channels
    is_heat: bool = False


def smooth_registers(registers: np.ndarray) -> np.ndarray:
    """Attention of registers (heads, registers, h, w) -> one map (h, w), 0 to 1.

    The median over heads and registers, smoothed by a Gaussian of one patch, clipped at the percentiles 2 and 98.
    """
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(np.median(registers, axis=(0, 1)), SMOOTHING, mode="nearest")
    low, high = np.percentile(smooth, TAILS)
    if high <= low:
        return np.zeros_like(smooth)
    return np.asarray(np.clip((smooth - low) / (high - low), 0, 1))


@styled()
def draw_look(look: Look) -> Figure:
    """The figure: as the model saw the image above, the whole image below, each head's attention under both."""
    layers = list(_layers(look))
    heads = look.tokens.attention
    per_row = 8 if heads is not None and len(heads) % 8 == 0 else 6
    rows = 0 if heads is None else -(-len(heads) // per_row)
    width = PANEL * max(4, len(layers) + 1)
    panel = width / (len(layers) + 1)
    pictures = [_height(look.view, panel), _height(look.image, panel)]
    heights = [sum(pictures) + TITLES, CAPTION]
    if rows:
        heights[1:] = [rows * (_height(look.view, width / per_row) + 0.25) + TITLES / 3 + CAPTION]
    figure = new_figure(width, sum(heights), dpi=DPI)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    figure.suptitle(plain(look.title, TITLE), fontsize=11)
    parts[1].supxlabel(_caption(look), fontsize=8)
    _draw_layers(parts[0], look, layers, pictures)
    if heads is not None:
        _draw_heads(parts[1], look, heads, (rows, per_row))
    return figure


@styled()
def save_figure(figure: Figure, path: Path) -> None:
    """Write ``path`` with .png and .pdf, whole or not at all; the same figure gives the same bytes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a script that the font lacks: it draws boxes
        for suffix, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None})):
            with replacing(path.with_name(path.name + suffix)) as temporary:
                figure.savefig(temporary, format=suffix[1:], metadata=metadata)


def _layers(look: Look) -> Iterator[Layer]:
    yield Layer("patch tokens, PCA", look.colours)
    yield Layer("foreground, PCA" if look.foreground[..., 3].any() else "no foreground", look.foreground)
    if look.tokens.attention is not None:
        mean = look.tokens.attention.mean(axis=0)
        yield Layer(f"{look.tokens.looker}, mean of heads\n{_peak(mean)}", mean, is_heat=True)
    if look.tokens.registers is not None:
        yield Layer("registers, median\nsmoothed, clipped", smooth_registers(look.tokens.registers), is_heat=True)


def _peak(attention: np.ndarray) -> str:
    """How much stronger than an even spread the strongest patch is."""
    return f"peak {attention.max() * attention.size:.1f} ×"


def _height(image: np.ndarray, width: float) -> float:
    """Of a picture so many inches wide; a very tall one is drawn smaller, a very flat one keeps room for its title."""
    return width * float(np.clip(image.shape[0] / image.shape[1], 0.3, 1.6))


def _draw_layers(part: Any, look: Look, layers: list[Layer], heights: list[float]) -> None:
    axes = part.subplots(2, len(layers) + 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    top, below = axes
    for panel in axes.flat:
        _strip(panel)
    top[0].imshow(look.view)
    below[0].imshow(look.image)
    _draw_frame(below[0], look)
    _name(top[0], "as the model sees it")
    _name(below[0], "whole image")
    for panel, over, layer in zip(top[1:], below[1:], layers, strict=True):
        _name(panel, layer.title)
        panel.set_facecolor("black")  # behind the foreground
        panel.imshow(layer.values, cmap=HEATMAP, interpolation="nearest", extent=_shape(look.view))
        _overlay(over, look, layer)


def _shape(view: np.ndarray) -> tuple[float, float, float, float]:
    """The axes of a map over the view: left, right, bottom, top; so that all panels of a row have its shape."""
    return 0, view.shape[1], view.shape[0], 0


def _extent(look: Look) -> tuple[float, float, float, float]:
    """The model's view in the axes of the whole image: left, right, bottom, top."""
    height, width = look.image.shape[:2]
    left, top, right, bottom = look.box
    return left * width - 0.5, right * width - 0.5, bottom * height - 0.5, top * height - 0.5


def _draw_frame(panel: Any, look: Look) -> None:
    """Around what the model sees of the whole image."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = _extent(look)
    corner, sides = (left, top), (right - left, bottom - top)
    panel.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=FRAME, linewidth=1.5))


def _overlay(panel: Any, look: Look, layer: Layer) -> None:
    """Lay a map over the whole image, in greys so that all colours are the map's."""
    height, width = look.image.shape[:2]
    panel.imshow(look.image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
    panel.imshow(
        layer.values,
        cmap=HEATMAP,
        alpha=VEIL,
        extent=_extent(look),
        interpolation="bilinear" if layer.is_heat else "nearest",
    )
    panel.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _draw_heads(part: Any, look: Look, heads: np.ndarray, grid: tuple[int, int]) -> None:
    axes = part.subplots(*grid, squeeze=False)
    part.suptitle(f"attention of the {look.tokens.looker}, head by head", fontsize=9)
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
        panel.set_axis_off()
    for number, (panel, head) in enumerate(zip(axes.flat, heads, strict=False), start=1):
        panel.imshow(head, cmap=HEATMAP, interpolation="nearest", extent=_shape(look.view))
        panel.set_title(f"{number}: {_peak(head)}", fontsize=8)


def _caption(look: Look) -> str:
    """What the figure does not say by itself."""
    if look.tokens.attention is None:
        return f"No attention map: {look.tokens.reason}."
    return "Each attention map from its least (black) to its most; 4 × is four times an even spread over the patches."


def _name(panel: Any, title: str) -> None:
    panel.set_title(title, fontsize=9)


def _strip(panel: Any) -> None:
    """No ticks, but an edge: the picture may be as white as the paper."""
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set(visible=True, color=EDGE, linewidth=0.5)
