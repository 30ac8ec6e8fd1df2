"""Show what a model sees: patch tokens as colours, and attention, over images."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._embedding import load_backbone_of
from leaderboard.errors import CheckFailed
from leaderboard.options import declare_model_options, declare_waiting_options
from leaderboard.records import RunOptions
from leaderboard.registry import load_registry

if TYPE_CHECKING:
    import numpy as np

    from leaderboard.backbones import Backbone
    from leaderboard.backbones._tokens import Tokens
    from leaderboard.report.token_colours import Colours
    from leaderboard.report.token_pictures import Look

EXAMPLE = "look grain.png spore.png --model efficientnet-lite0 --out seen/"
LARGEST = 1200  # pixels of the longer side of an image in a figure
PREVIEW = 1600  # pixels of a figure on the page
NAME = 60  # characters of a file name in a title
PAGE = "index.html"


@dataclass(frozen=True)
class Seen:
    """One image that could be read, and its tokens: below 1 MB of them for 14 x 14 patches of 1024 dimensions."""

    path: Path
    name: str
    tokens: Tokens
    is_blank: bool  # as the model sees it: every pixel is the same


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files")
    parser.add_argument("--model", required=True, metavar="ID", help="a model of models.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for a .png and a .pdf per image")
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Look at all images, so that their colours can be compared, and write a figure of each."""
    from leaderboard.report.figures._style import styled
    from leaderboard.report.pages import load_environment

    registry = load_registry(options.root)
    spec = registry.model(options.model)
    load_environment()
    with styled():  # both complain of what is missing, before a model is loaded and not after
        pass
    options.out.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone_of(registry, spec.id, RunOptions.of(options))
    seen = list(_read(backbone, options.images))
    if seen:
        _write(backbone, seen, options.out)
    if unread := len(options.images) - len(seen):
        rest = f"the others are in {options.out}" if seen else "nothing is written"
        of = f"{len(options.images)} image{'s'[: len(options.images) != 1]}"
        raise CheckFailed(f"{unread} of {of} could not be read, see above; {rest}")


def _read(backbone: Backbone, paths: list[Path]) -> Iterator[Seen]:
    """The tokens of each readable image; the others are named."""
    from tqdm import tqdm

    from leaderboard.backbones._tokens import read_tokens
    from leaderboard.download import announce
    from leaderboard.images import BadImage, load_image
    from leaderboard.report.file_names import name_files

    names = name_files(paths)
    bar = tqdm(zip(paths, names, strict=True), total=len(paths), desc=backbone.spec.id, unit="image", disable=None)
    for path, name in bar:
        try:
            prepared = backbone.prepare(load_image(path))
            tokens = read_tokens(backbone, prepared)
            yield Seen(path, name, tokens, is_blank=bool((prepared == prepared[:1, :1]).all()))
        except BadImage as error:
            announce(f"{path}: {error}")


def _write(backbone: Backbone, seen: list[Seen], out: Path) -> None:
    from tqdm import tqdm

    from leaderboard.report.token_colours import colour_patches
    from leaderboard.report.token_pictures import draw_look, save_figure

    blank = [one.is_blank for one in seen]
    colours = colour_patches([one.tokens.patches for one in seen], blank=blank)
    layers = zip(seen, colours.patches, colours.foreground, strict=True)
    for one, patches, foreground in tqdm(layers, total=len(seen), desc="figures", unit="image", disable=None):
        save_figure(draw_look(_compose(backbone, one, patches, foreground)), out / one.name)
    _write_page(backbone, seen, out, colours)


def _compose(backbone: Backbone, one: Seen, colours: np.ndarray, foreground: np.ndarray) -> Look:
    """The image again, beside what was made of it: thousands of images would not fit into memory."""
    import numpy as np

    from leaderboard.images import load_image
    from leaderboard.report.figures._style import plain
    from leaderboard.report.model_view import find_box, restore_pixels
    from leaderboard.report.token_pictures import Look

    image = load_image(one.path)
    view = restore_pixels(backbone.prepare(image), backbone.prepare)
    scale = min(1.0, LARGEST / max(image.size))
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    box = find_box(image.size, backbone.prepare)
    title = f"{plain(one.path.name, NAME)} · {backbone.spec.title}"
    return Look(title, np.asarray(small), view, box, one.tokens, colours, foreground)


def _write_page(backbone: Backbone, seen: list[Seen], out: Path, colours: Colours) -> None:
    """The figures as previews, with links to them, and what their colours are."""
    from leaderboard.paths import save_text
    from leaderboard.report.pages import render_page

    rows, columns, dimension = seen[0].tokens.patches.shape
    spec, reason = backbone.spec, seen[0].tokens.reason
    page = render_page(
        "look.html",
        model=spec.title,
        rows=rows,
        columns=columns,
        dimension=dimension,
        explained=colours.explained,
        explained_foreground=colours.explained_foreground,
        reason=reason,
        notice=spec.notice,
        figures=[_describe(one, out) for one in seen],
    )
    save_text(out / PAGE, page)
    print(f"{out / PAGE}: {len(seen)} image{'s'[: len(seen) != 1]}")
    if reason:
        print(f"{spec.id}: no attention map: {reason}")
    if spec.notice:
        print(spec.notice)


def _describe(one: Seen, out: Path) -> dict[str, object]:
    """What the page shows of one figure."""
    from PIL import Image

    from leaderboard.report.pages import make_link
    from leaderboard.report.thumbnails import make_thumbnail

    png, pdf = (out / f"{one.name}.{ending}" for ending in ("png", "pdf"))
    with Image.open(png) as picture:
        preview = make_thumbnail(picture.convert("RGB"), PREVIEW)
    links = {"png": make_link(png, out / PAGE), "pdf": make_link(pdf, out / PAGE)}
    return {"name": one.name, "title": one.path.name, "preview": preview, **links}
