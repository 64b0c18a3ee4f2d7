"""What folder and file names mean, in the languages of those who name them; natural order without a locale."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from core.imaging import SUFFIXES

Role = Literal["train", "tuning", "test", "masks", "good", "bad", "unlabelled", "other"]

_TRAIN: Final = frozenset({"train", "training", "trainset", "trainingset", "learn", "lernen", "训练", "訓練", "学習"})
_TUNING: Final = frozenset({"val", "valid", "validation", "tuning", "dev", "验证", "検証"})
_TEST: Final = frozenset({"test", "tests", "testing", "testset", "eval", "pruefung", "测试", "測試", "テスト"})
_MASKS: Final = frozenset(
    {"groundtruth", "gt", "mask", "masks", "maske", "masken", "masques", "segmentation", "segmentations"}
    | {"annotationmasks", "掩码", "掩膜", "标注", "マスク"}
)
_GOOD: Final = frozenset(
    {"good", "ok", "okay", "pass", "passed", "normal", "normals", "fine", "defectfree", "nodefect", "nodefects"}
    | {"nondefective", "nondefect", "undamaged", "accept", "accepted", "conform", "conforming"}
    | {"gut", "io", "gutteil", "gutteile", "inordnung", "fehlerfrei"}
    | {"bon", "bons", "bonne", "bonnes", "conforme", "conformes", "bueno", "buenos", "buena", "buenas", "buono"}
    | {"buoni", "buona", "bom", "bons", "boa", "goed", "god", "godkendt", "dobry", "dobre", "dobré", "ok品"}
    | {
        "годен",
        "годные",
        "хорошие",
        "норма",
        "良品",
        "合格",
        "合格品",
        "正常",
        "好",
        "好品",
        "良",
        "정상",
        "양품",
        "합격",
    }
)
_BAD: Final = frozenset(
    {"bad", "ng", "nok", "notok", "notgood", "nogood", "fail", "failed", "failure", "failures", "defect", "defects"}
    | {"defective", "defectives", "anomaly", "anomalies", "anomalous", "abnormal", "reject", "rejected", "rejects"}
    | {"faulty", "fault", "faults", "damaged", "nonconforming", "scrap", "def"}
    | {"schlecht", "nio", "ausschuss", "defekt", "defekte", "fehler", "fehlerhaft", "schlechtteil", "schlechtteile"}
    | {
        "mauvais",
        "rebut",
        "rebuts",
        "nonconforme",
        "defaut",
        "defauts",
        "défaut",
        "défauts",
        "défectueux",
        "defectueux",
    }
    | {"malo", "malos", "mala", "malas", "defecto", "defectos", "defectuoso", "defectuosos", "rechazo", "rechazados"}
    | {"difettoso", "difettosi", "difetto", "difetti", "scarto", "scarti", "ruim", "defeito", "defeitos", "fout"}
    | {"slecht", "afkeur", "wadliwy", "wadliwe", "zly", "złe", "zle", "брак", "дефект", "дефекты", "плохие"}
    | {
        "不良",
        "不良品",
        "不合格",
        "不合格品",
        "异常",
        "異常",
        "缺陷",
        "瑕疵",
        "次品",
        "废品",
        "坏",
        "불량",
        "불량품",
        "불합격",
    }
)
_UNLABELLED: Final = frozenset(
    {
        "unlabelled",
        "unlabeled",
        "unknown",
        "unsorted",
        "unsure",
        "todo",
        "new",
        "inbox",
        "unbekannt",
        "neu",
        "未标注",
        "未知",
    }
)
_ROLES: Final[tuple[tuple[Role, frozenset[str]], ...]] = (
    ("good", _GOOD),
    ("bad", _BAD),
    ("train", _TRAIN),
    ("tuning", _TUNING),
    ("test", _TEST),
    ("masks", _MASKS),
    ("unlabelled", _UNLABELLED),
)
_SEPARATORS: Final = re.compile(r"[\s._\-+()\[\]]+")
_NEGATIONS: Final = frozenset({"not", "no", "non", "nicht", "kein", "sans", "sin", "without", "ohne"})
_DIGITS: Final = re.compile(r"[0-9]+")
_SYSTEM_FOLDERS: Final = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"})
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload")


def role_of(folder: str) -> Role:
    """What a folder's name says: "ok_front" is good, "not-ok" is bad, "scratch" is other (class, lot, product)."""
    folded = unicodedata.normalize("NFC", folder).casefold().strip()
    words = [word for word in _SEPARATORS.split(folded) if word]
    joined = "".join(words)
    for role, names in _ROLES:
        if joined in names:
            return role
    if any(word in _NEGATIONS for word in words):
        return "other"  # "no die" is a defect's name, not the word after the "no"
    for word in words:
        word = word.rstrip("0123456789")
        if word in _BAD:
            return "bad"
        if word in _GOOD:
            return "good"
    return "other"


def is_plain_word(folder: str, role: Role) -> bool:
    """Whether the name is nothing but the word of its role ("ng", not "ng_scratch"): then it names no defect class."""
    joined = "".join(_SEPARATORS.split(unicodedata.normalize("NFC", folder).casefold()))
    return any(joined in names for name, names in _ROLES if name == role)


def is_ignored(name: str) -> bool:
    """Hidden, temporary and system names, which are no part of anybody's material."""
    if name.startswith((".", "~$")):
        return True
    folded = name.casefold()
    return folded.endswith(_UNFINISHED) or folded in _SYSTEM_FOLDERS


def is_image_name(name: str) -> bool:
    """Whether the suffix is one that Flawscope reads; the content is looked at on decoding."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in SUFFIXES


def natural_key(name: str) -> tuple[str, str]:
    """Sorts "img2" before "img10", without regard to case and the same on every system.

    One string per name rather than a list of parts: 100,000 names sort in little memory. Each run of digits is
    preceded by its length, so that text order is number order; the name itself breaks ties ("01" and "1").
    """
    folded = name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
    return _DIGITS.sub(_padded, folded), name


def natural_keys(names: Sequence[str]) -> list[str]:
    """The folded half of `natural_key` for many names at once, three times as fast; names hold no NUL."""
    if not names:
        return []
    whole = "\0".join(names)
    folded = whole.casefold() if whole.isascii() else unicodedata.normalize("NFC", whole).casefold()
    return _DIGITS.sub(_padded, folded).split("\0")


def _padded(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0")
    return f"{len(digits):03d}{digits}"
