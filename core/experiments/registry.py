"""The experiments of both papers as data: what is trained, what is measured, which table it stands beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from core.config import presets
from core.errors import ConfigError
from core.experiments.published import Paper

Measure = Literal["figures", "losses", "region"]

TEXTURES: Final = ("carpet", "grid", "leather", "tile", "wood")
OBJECTS: Final = (
    *("bottle", "cable", "capsule", "hazelnut", "metal_nut", "pill", "screw", "toothbrush", "transistor", "zipper"),
)
CHIPS: Final = ("D_A", "D_B", "D_C", "D_D", "D_E", "D_F", "D_G")
PAPER: Final = "paper"
_PRESETS: Final = ("micro", "quick", "small", "medium", "large", PAPER)


@dataclass(frozen=True)
class Metric:
    """A figure as it is named in results.csv; `published` is its name in resources/paper, where a paper prints it."""

    name: str
    title: str
    published: str = ""
    is_percent: bool = True


IMAGE: Final = Metric("image_auroc", "Image AUROC, %", "image_auroc")
PIXEL: Final = Metric("pixel_auroc", "Pixel AUROC, %", "pixel_auroc")
AUPRO: Final = Metric("aupro", "AUPRO up to 30 % false positives, %")
BEST: Final = Metric("accuracy_best", "Best accuracy, %: threshold chosen on the test images, optimistic", "accuracy")
ACCURACY: Final = Metric("accuracy", "Accuracy, %: threshold from tuning images")
_FIGURES: Final = (IMAGE, PIXEL)
_LOSSES: Final = tuple(
    Metric(f"{loss}_{split}", f"{title}, {where}", f"{loss}_{split}", is_percent=False)
    for loss, title in (
        ("adversarial", "Adversarial loss"),
        ("contextual", "Contextual loss"),
        ("encoder", "Encoder loss"),
        ("ssim", "1 - SSIM"),
    )
    for split, where in (("train", "training images"), ("tuning", "tuning images"))
)
_REGION: Final = (
    Metric("inside_image_auroc", "Image AUROC, %: defective means a defect inside the region"),
    Metric("inside_pixel_auroc", "Pixel AUROC, %: only defects inside the region count"),
    Metric("inside_escapes", "Escapes among images with a defect inside, %"),
    Metric("outside_flagged", "Defects wholly outside that are rejected all the same, %"),
)


@dataclass(frozen=True)
class Setting:
    """One way of training. `epochs` replaces the length of the paper preset where the paper trained for another time.

    `smaller` are further changes for presets below the paper's, whose networks are not the published ones anyway. With
    `passes` one training is scored once for each number of passes, with `kept` once for each model that is kept on the
    way; with `region` it sees the region of interest that lies beside the images; `published` is its name in
    resources/paper.
    """

    title: str
    model: str
    changes: tuple[str, ...] = ()
    epochs: int | None = None
    smaller: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    passes: tuple[int, ...] = ()
    kept: tuple[Milestone, ...] = ()
    region: bool = False
    published: str = ""

    def columns(self, moments: Sequence[Moment]) -> dict[str, str]:
        """The columns that it fills, each with its name in resources/paper ('' where there is none)."""
        if self.passes:
            return {(title := passes_title(passes)): title for passes in self.passes}
        if self.kept:
            return {self.column(one): one.published for one in self.kept}
        if moments:
            return {f"{self.title}, {one.title}": f"{self.title}, {one.published}" for one in moments}
        return {self.title: self.published}

    def column(self, milestone: Milestone) -> str:
        """The column of one of its milestones."""
        return f"{self.title}, {milestone.title}"


@dataclass(frozen=True)
class Milestone:
    """A share of the length at which the model is kept and scored, and the whole name that the paper has for it."""

    share: float
    title: str
    published: str


@dataclass(frozen=True)
class Moment:
    """A place in a training where its losses are read: a share of the length, and what the paper calls it."""

    share: float
    title: str
    published: str


@dataclass(frozen=True)
class Curve:
    """A loss to draw: the first of these names that a training has, of training steps and of tuning images."""

    title: str
    train: tuple[str, ...]
    tuning: tuple[str, ...]


_SSIM: Final = Curve("1 - SSIM of the reconstruction", ("generator.ssim", "ssim"), ("ssim",))
_FOCAL: Final = Curve("Focal loss", ("judge.total", "focal"), ("focal",))
_CONTEXTUAL: Final = Curve("Contextual loss", ("generator.contextual",), ("contextual",))


@dataclass(frozen=True)
class Experiment:
    """What a paper reports in `tables`, as trainings of `settings` on every category.

    `lengths` says in words how long the paper trained. `references` are published means that stand below our rows;
    with `by_view` the categories are views of one product; `moments` cut the losses of a training.
    """

    name: str
    title: str
    paper: Paper
    tables: tuple[str, ...]
    lengths: str
    settings: tuple[Setting, ...]
    metrics: tuple[Metric, ...] = _FIGURES
    measure: Measure = "figures"
    moments: tuple[Moment, ...] = ()
    references: tuple[str, ...] = ()
    by_view: bool = False
    curves: tuple[Curve, ...] = (_SSIM, _FOCAL)
    notes: tuple[str, ...] = ()

    @property
    def presets(self) -> tuple[str, ...]:
        """The presets that every model of it has, cheapest first."""
        models = {setting.model for setting in self.settings}
        common = set.intersection(*({one.name for one in presets(model)} for model in models))
        return tuple(name for name in _PRESETS if name in common)

    @property
    def source(self) -> str:
        """The paper and its tables, for a person."""
        paper = "PRFF-AD, Sensors 2023" if self.paper == "prff" else "GRD-Net, Int. J. Intelligent Systems 2023"
        word = "Table" if len(self.tables) == 1 else "Tables"
        return f"{paper}, {word} {', '.join(self.tables)}" if self.tables else f"{paper} (no table: pictures only)"


_PRFF: Final = Setting("PRFF-AD", "prff", published="PRFF-AD")
_UNET_WIDTHS: Final = {"micro": 8, "quick": 12, "small": 16, "medium": 24, "large": 32}  # half the autoencoder's
_UNET: Final = Setting(
    "U-Net",
    "prff",
    ("network.disc.arch=unet", "network.fusion.enabled=false"),
    smaller=MappingProxyType({name: (f"network.disc.unet.base={width}",) for name, width in _UNET_WIDTHS.items()}),
    published="U-Net",
)
_SWIN: Final = Setting("Swin + UperNet", "prff", ("network.fusion.enabled=false",), published="Swin + UperNet")
_FULL: Final = Setting("Swin + UperNet + fusion", "prff", published="Swin + UperNet + fusion")
_PASSES: Final = Setting("PRFF-AD", "prff", passes=(1, 2, 3, 4, 5))

_PIXEL_NOTE: Final = "The means of a paper are compared with ours over the same categories."
_PRFF_LENGTH: Final = "700 epochs at 256 px"


_MVTEC: Final = (
    "PRFF-AD on MVTec AD: {what} AUROC by category",
    (
        "Tables 3 and 4 rest on the same trainings: in one output folder the second table trains nothing.",
        _PIXEL_NOTE,
    ),
)
_GTANOIC: Final = (
    "PRFF-AD on GTanoIC: {what} AUROC by type of chip",
    (
        "Types named D_A to D_G are divided as the paper says: 200 good images to train, all others to test.",
        "Which 200 is not published: ours are drawn by a fixed seed.",
    ),
)


def _by_category(table: str, metric: Metric, data: tuple[str, tuple[str, ...]]) -> Experiment:
    """PRFF-AD on every category of a data set, one metric a table; `data` is a title and its notes."""
    title, notes = data
    return Experiment(
        name=f"prff-table{table}",
        title=title.format(what="image" if metric is IMAGE else "pixel"),
        paper="prff",
        tables=(table,),
        lengths=_PRFF_LENGTH,
        settings=(_PRFF,),
        metrics=(metric,),
        notes=notes,
    )


_PROGRESSIVE: Final = Experiment(
    name="prff-table7",
    title="PRFF-AD: how many passes",
    paper="prff",
    tables=("7",),
    lengths=_PRFF_LENGTH,
    settings=(_PASSES,),
    references=("average_mvtec", "average_gtanoic"),
    notes=("One training, scored with one to five passes. The published means are of 15 categories and of 7 types.",),
)
_COMPONENTS: Final = Experiment(
    name="prff-table8",
    title="PRFF-AD: what each component brings",
    paper="prff",
    tables=("8",),
    lengths=_PRFF_LENGTH,
    settings=(_UNET, _SWIN, _FULL),
    references=("average_mvtec", "average_gtanoic"),
    notes=(
        "The tick marks of the second row are lost in print: that it is Swin + UperNet without fusion is inferred.",
        "All three are scored with two passes, as the last row of the paper is.",
    ),
)
_GENERATOR: Final = Experiment(
    name="grdnet-generator",
    title="GRD-Net: vanilla against residual autoencoder",
    paper="grdnet",
    tables=("1",),
    lengths="500 epochs at 256 px, read at 250 and 500",
    settings=(
        Setting("vanilla", "grdnet", ("network.block=plain",), epochs=500),
        Setting("residual", "grdnet", epochs=500),
    ),
    metrics=_LOSSES,
    measure="losses",
    moments=(Moment(0.5, "half", "250 epochs"), Moment(1.0, "end", "500 epochs")),
    references=("vials",),
    curves=(_CONTEXTUAL, _SSIM),
    notes=(
        "The judging network trains along on detached reconstructions: it cannot change the generator, it only costs "
        "time. The published losses are of the authors' own vials.",
        "Training losses are means over the epoch that ends there, or over a tenth of the steps where none has ended.",
    ),
)


def _read_on_the_way(title: str, model: str) -> Setting:
    kept = [Milestone(epochs / 200, f"{epochs} epochs", f"{title}, {epochs} epochs") for epochs in (10, 35, 100)]
    return Setting(title, model, epochs=200, kept=(*kept, Milestone(1.0, "200 epochs", title)))  # Table 5 is after 200


_EPOCHS: Final = Experiment(
    name="grdnet-epochs",
    title="GRD-Net and DRAEM after 10, 35, 100 and 200 epochs",
    paper="grdnet",
    tables=("2", "3", "4", "5"),
    lengths="200 epochs at 256 px, read at 10, 35, 100 and 200",
    settings=(_read_on_the_way("DRAEM", "draem"), _read_on_the_way("GRD-Net", "grdnet")),
    notes=(
        "One training each: the model is kept at 10, 35, 100 and 200 epochs, as its weights stand there, and scored. "
        "Before the last drop of the rate it has not settled. Where the preset has another length the milestones are "
        "5, 17.5, 50 and 100 % of it.",
        "The published pixel values of metal nut repeat (49.0 and 69.3 at 10 and at 35 epochs).",
    ),
)
_TABLE5: Final = Experiment(
    name="grdnet-table5",
    title="GANomaly, DRAEM and GRD-Net after 200 epochs",
    paper="grdnet",
    tables=("5",),
    lengths="200 epochs at 256 px",
    settings=(
        Setting("GANomaly", "ganomaly", epochs=200, published="GANomaly"),
        Setting("DRAEM", "draem", epochs=200, published="DRAEM"),
        Setting("GRD-Net", "grdnet", epochs=200, published="GRD-Net"),
    ),
    notes=(
        "PaDiM and PatchCore are quoted from the paper; Flawscope does not train them.",
        "GANomaly has no map of its own: its pixel figures are of the difference between image and reconstruction.",
    ),
)
_ROI: Final = Experiment(
    name="grdnet-roi",
    title="GRD-Net with and without its region of interest",
    paper="grdnet",
    tables=(),
    lengths="200 epochs at 256 px",
    settings=(
        Setting("without region", "grdnet", ("score.inside_roi=false",), epochs=200),
        Setting("with region", "grdnet", ("score.inside_roi=false",), epochs=200, region=True),
    ),
    metrics=_REGION,
    measure="region",
    curves=(_FOCAL, _CONTEXTUAL),
    notes=(
        "The judgement's own region is switched off, so that only what the network has learnt keeps it quiet outside.",
        "Needs roi.png beside train and test of each category, white where to look. The paper shows a zipper and a "
        "hazelnut, without figures.",
    ),
)
_CASES: Final = Experiment(
    name="grdnet-loss-cases",
    title="GRD-Net: four ways to let the region into the loss",
    paper="grdnet",
    tables=("7",),
    lengths="100 epochs at 256 px",
    settings=tuple(
        Setting(f"case {number}", "grdnet", (f"loss.roi_mode={mode}",), 100, region=True, published=f"case {number}")
        for number, mode in enumerate(("ablation1", "prediction", "ablation3", "ablation4"), start=1)
    ),
    metrics=(IMAGE, PIXEL, BEST, ACCURACY),
    curves=(_FOCAL, _CONTEXTUAL),
    notes=(
        "Case 1: FL(A, M) + overlap. Case 2: FL(A ROI, M ROI). Case 3: case 2 + overlap. Case 4: case 2 + overlap with "
        "what lies outside.",
        "Needs roi.png beside train and test of each category. The paper's caption says 200 epochs, its header 100.",
    ),
)
_AUTOENCODERS: Final = Experiment(
    name="grdnet-autoencoders",
    title="GRD-Net: convolutional against dense bottleneck (CRAE, DRAE)",
    paper="grdnet",
    tables=(),
    lengths="200 epochs at 256 px",
    settings=(
        Setting("CRAE, 32x8x8", "grdnet", epochs=200),
        Setting("DRAE, 2048", "grdnet", ("network.latent=dense",), epochs=200),
    ),
    metrics=(IMAGE, PIXEL, AUPRO),
    curves=(_CONTEXTUAL, _SSIM),
    notes=("The paper shows pictures only: on pill CRAE keeps the red dots, DRAE erases them.",),
)
_VIALS: Final = Experiment(
    name="grdnet-vials",
    title="GRD-Net on vials: three areas as views",
    paper="grdnet",
    tables=("6",),
    lengths="30 epochs at 256 px",
    settings=(Setting("GRD-Net", "grdnet", epochs=30, published="GRD-Net"),),
    metrics=(IMAGE, PIXEL, BEST, ACCURACY),
    references=("vials_meniscus",),
    by_view=True,
    notes=(
        "Each folder below DIR is an area, and becomes a view of one product. The published figures are of the area "
        "round the meniscus, and the best of 30 epochs.",
    ),
)

_ALL: Final = (
    *(_by_category("3", IMAGE, _MVTEC), _by_category("4", PIXEL, _MVTEC)),
    *(_by_category("5", IMAGE, _GTANOIC), _by_category("6", PIXEL, _GTANOIC)),
    *(_PROGRESSIVE, _COMPONENTS, _GENERATOR, _EPOCHS, _TABLE5, _ROI, _CASES, _AUTOENCODERS, _VIALS),
)
EXPERIMENTS: Final = MappingProxyType({one.name: one for one in _ALL})


def passes_title(passes: int) -> str:
    """The column of a number of passes, as Table 7 names it."""
    return f"n = {passes}"


def experiment(name: str) -> Experiment:
    """The experiment of that name. Raises `ConfigError`."""
    if name not in EXPERIMENTS:
        raise ConfigError(f"there is no experiment {name!r}", mend=f"There are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
