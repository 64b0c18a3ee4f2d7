"""A page to look at after an evaluation: headline figures, and the images that a person should see first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.assets import resources
from core.errors import ImageError
from core.evaluation.figures import Curve, Figures, Histogram, RateFigure
from core.evaluation.pictures import Panels, Rgb, is_wide, panels
from core.files import atomic_write
from core.imaging import save_png
from core.words import Label

PER_GROUP: Final = 6


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class GalleryItem:
    """One scored image of the page; pictures are loaded only for the few that are shown.

    `load_image` gives (H, W, 3) uint8 RGB and may raise `ImageError`; `load_map` a map of the whole image, uint16 or
    float in [0, 1], any size; `load_mask` and `load_reconstruction` may give None.
    """

    id: int
    name: str
    label: Label
    score: float
    load_image: Callable[[], Rgb]
    load_map: Callable[[], NDArray[Any] | None]
    load_mask: Callable[[], NDArray[np.uint8] | None] = _nothing
    load_reconstruction: Callable[[], Rgb | None] = _nothing
    defect_class: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Shown:
    item: GalleryItem
    pictures: tuple[tuple[str, str], ...]
    problem: str
    wide: bool = False


@dataclass(frozen=True)
class _Group:
    title: str
    hint: str
    tone: str
    total: int
    shown: tuple[_Shown, ...]
    empty: str


def write_gallery(
    folder: Path,
    items: Iterable[GalleryItem],
    figures: Figures,
    *,
    title: str,
    subtitle: str = "",
    threshold: float | None = None,
    per_group: int = PER_GROUP,
    side: int = 384,
    top: float = 1.0,
) -> Path:
    """Write index.html and pictures/ into `folder` and return the page; raises `StorageError`.

    The threshold is that of the figures' confusion table unless given; without any only the highest scores are shown.
    An image that cannot be read any more is listed with its problem.
    """
    if threshold is None and figures.confusion is not None:
        threshold = figures.confusion.threshold
    groups = [
        _Group(
            group.title,
            group.hint,
            group.tone,
            len(group.members),
            tuple(_show(folder, item, threshold, side=side, top=top) for item in group.members[:per_group]),
            group.empty,
        )
        for group in _grouped(list(items), threshold)
    ]
    page = _render(figures, groups, title=title, subtitle=subtitle, threshold=threshold, top=top)
    target = folder / "index.html"
    atomic_write(target, page)
    return target


@dataclass(frozen=True)
class _Selection:
    title: str
    hint: str
    tone: str
    members: list[GalleryItem]
    empty: str


def _grouped(items: list[GalleryItem], threshold: float | None) -> list[_Selection]:
    falling = sorted(items, key=lambda item: -item.score)
    if threshold is None:
        return [_Selection("Highest scores", "No threshold is set.", "plain", falling, "No image was scored.")]
    rejected = [item for item in falling if item.score >= threshold]
    passed = [item for item in reversed(falling) if item.score < threshold]
    return [
        _Selection(
            "False rejects",
            "Good images above the threshold, worst first.",
            "good",
            [item for item in rejected if item.label == "good"],
            "No good image was rejected.",
        ),
        _Selection(
            "Escapes",
            "Defective images below the threshold, lowest score first.",
            "bad",
            [item for item in passed if item.label == "defective"],
            "No defective image passed.",
        ),
        _Selection(
            "Catches",
            "Defective images above the threshold, highest score first.",
            "bad",
            [item for item in rejected if item.label == "defective"],
            "No defective image was rejected.",
        ),
        *_unlabelled(rejected),
    ]


def _unlabelled(rejected: list[GalleryItem]) -> list[_Selection]:
    members = [item for item in rejected if item.label == "unlabelled"]
    if not members:
        return []
    return [_Selection("Rejected, not labelled", "Images without a label above the threshold.", "plain", members, "")]


def _show(folder: Path, item: GalleryItem, threshold: float | None, *, side: int, top: float) -> _Shown:
    try:
        made = _panels(item, threshold, side=side, top=top)
    except ImageError as error:
        return _Shown(item, (), str(error))
    if made is None:
        return _Shown(item, (), "The anomaly map of this image was not kept.")
    pictures = []
    for name, picture in made.named():
        relative = f"pictures/{item.id}-{name.lower().replace(' ', '-')}.png"
        save_png(folder / relative, picture)
        pictures.append((name, relative))
    return _Shown(item, tuple(pictures), "", is_wide(made.image))


def _panels(item: GalleryItem, threshold: float | None, *, side: int, top: float) -> Panels | None:
    anomaly = item.load_map()
    if anomaly is None:
        return None
    limit = 0.5 * top if threshold is None else threshold
    image = item.load_image()
    return panels(
        image,
        anomaly,
        threshold=limit,
        rejected=item.score >= limit,
        mask=item.load_mask(),
        reconstruction=item.load_reconstruction(),
        side=round(1.6 * side) if is_wide(image) else side,
        top=top,
    )


def _render(
    figures: Figures,
    groups: Sequence[_Group],
    *,
    title: str,
    subtitle: str,
    threshold: float | None,
    top: float,
) -> str:
    return render_page(
        "gallery",
        {"number": _number, "percent": _percent, "span": _span},
        title=title,
        subtitle=subtitle,
        f=figures,
        tiles=_tiles(figures),
        groups=groups,
        threshold=threshold,
        heat=(0.0 if threshold is None else threshold / 2, max(top, 1.5 * (threshold or 0.0))),
        roc=_polyline(figures.image_roc, 200),
        pixel_roc=_polyline(figures.pixel_roc, 200),
        bars=_bars(figures.histogram, width=420, height=150),
        mark=_mark(figures.histogram, threshold, width=420),
    )


def render_page(template: str, filters: Mapping[str, Callable[..., str]], /, **values: Any) -> str:
    """An HTML page from resources/templates, in the look that all our pages share; values are escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    folder = resources() / "templates"
    source = (folder / f"{template}.html").read_text(encoding="utf-8")
    style = (folder / "page.css").read_text(encoding="utf-8")
    return environment.from_string(source).render(style=style, **values)


def _tiles(figures: Figures) -> list[tuple[str, str, str]]:
    """Headline figures: name, value, what it rests on or why there is none."""
    reasons = figures.not_measured
    span = figures.image_auroc_note
    if figures.image_auroc_low is not None and figures.image_auroc_high is not None:
        span = f"95 %: {figures.image_auroc_low:.3f}–{figures.image_auroc_high:.3f}"
    painted = f"{figures.masks} masks, {figures.components} defects"
    # maps of a very sure model crowd at 0: their order is then lost in 16 bits, and the fourth digit with it
    rounding = f", ±{figures.pixel_error:.4f} by 16-bit maps" if figures.pixel_error >= 1e-4 else ""
    tiles = [
        ("Image AUROC", _number(figures.image_auroc), span or reasons.get("image_auroc", "")),
        ("Pixel AUROC", _number(figures.pixel_auroc), reasons.get("pixel_auroc", painted + rounding)),
        ("AUPRO 30 %", _number(figures.aupro), reasons.get("aupro", painted)),
    ]
    if figures.confusion is not None:
        for name, found in (
            ("Escapes", figures.confusion.escape_rate),
            ("False rejects", figures.confusion.false_reject_rate),
        ):
            tiles.append((name, _percent(found), _span(found)))
        best = _percent(figures.accuracy_best)
        span = f"{_span(figures.confusion.accuracy)}; optimistic, at the best threshold: {best}"
        tiles.append(("Accuracy", _percent(figures.confusion.accuracy), span))
    return tiles


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _percent(found: RateFigure | None) -> str:
    return "–" if found is None else f"{100 * found.value:.1f} %"


def _span(found: RateFigure | None) -> str:
    if found is None:
        return "nothing to count"
    return f"{found.k}/{found.n}, 95 %: {100 * found.low:.1f}–{100 * found.high:.1f} %"


def _polyline(curve: Curve | None, side: int) -> str:
    if curve is None:
        return ""
    return " ".join(f"{side * x:.1f},{side * (1 - y):.1f}" for x, y in zip(curve.x, curve.y, strict=True))


@dataclass(frozen=True)
class _Bar:
    x: float
    y: float
    width: float
    height: float
    tone: str


def _bars(histogram: Histogram | None, *, width: int, height: int) -> list[_Bar]:
    """Good upwards from the middle, defective downwards; square root of the count, so that single images show."""
    if histogram is None:
        return []
    most = math.sqrt(max(1, *histogram.good, *histogram.defective))
    step, middle = width / len(histogram.good), height / 2
    bars = []
    for place, (good, bad) in enumerate(zip(histogram.good, histogram.defective, strict=True)):
        up, down = (middle * math.sqrt(count) / most for count in (good, bad))
        x = place * step
        if good:
            bars.append(_Bar(round(x, 2), round(middle - up, 2), round(step - 1, 2), round(up, 2), "good"))
        if bad:
            bars.append(_Bar(round(x, 2), middle, round(step - 1, 2), round(down, 2), "bad"))
    return bars


def _mark(histogram: Histogram | None, threshold: float | None, *, width: int) -> float | None:
    if histogram is None or threshold is None:
        return None
    share = (threshold - histogram.low) / (histogram.high - histogram.low)
    return round(width * min(1.0, max(0.0, share)), 2)
