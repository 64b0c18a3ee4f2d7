"""The words that the whole house shares, as types: splits, labels, judgements, verdicts, origins."""

from __future__ import annotations

from typing import Final, Literal, get_args

Split = Literal["train", "tuning", "test", "unused"]
Label = Literal["good", "defective", "unlabelled"]
ImageState = Literal["present", "changed", "gone"]
Judgement = Literal["pass", "recheck", "reject", "not_inspectable"]
Verdict = Literal["good", "defective", "unsure"]
Origin = Literal["person", "model", "import"]
MaskChoice = Literal["mine", "theirs", "both"]  # between what counts and another mask
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in image pixels, x1 and y1 exclusive
Matrix = tuple[float, float, float, float, float, float]  # 2 x 3, template pixels -> image pixels

SPLITS: Final[tuple[Split, ...]] = get_args(Split)
LABELS: Final[tuple[Label, ...]] = get_args(Label)
STATES: Final[tuple[ImageState, ...]] = get_args(ImageState)
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
