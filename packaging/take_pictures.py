"""`make pictures`: brings the real window into every state, without a screen, and writes a picture of each.

NAME_LOOK_SIZE.png for every state of `picture_states`, look and size; with QT_SCALE_FACTOR=1.5 they are half as large
again. Everything is made below a temporary folder, which is the home of the program meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picture_studio import Studio
    from PySide6.QtWidgets import QWidget

HERE: Final = Path(__file__).resolve().parent
for place in (HERE, HERE.parent):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

SIZES: Final = ("1600x1000", "1366x768", "1280x720")
LOOKS: Final = ("dark", "light")


def take(studio: Studio, name: str, sizes: Sequence[str], out: Path) -> None:
    """Bring the window into a state and write it in every size."""
    from picture_states import STATES
    from picture_studio import StateError, picture

    def write(size: str, dialog: QWidget | None) -> None:
        path = out / f"{name}_{studio.look}_{size}.png"
        if not picture(studio.window, dialog).save(str(path)):
            raise StateError(f"{path} cannot be written")

    def shoot() -> None:
        for size in sizes:
            studio.window.resize(*extent(size))
            write(size, None)

    studio.shoot = shoot
    studio.window.resize(*extent(sizes[0]))
    state = STATES[name]
    shown = state.enter(studio)
    if state.lasts:
        for size in sizes:
            studio.window.resize(*extent(size))
            studio.settle()
            write(size, None if shown is studio.window else shown)
    if state.leave is not None:
        state.leave(studio)
    studio.tidy()


def extent(size: str) -> tuple[int, int]:
    """(1366, 768) of 1366x768. Raises `argparse.ArgumentTypeError`."""
    try:
        width, height = (int(part) for part in size.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{size} is no size like 1366x768") from None
    return width, height


def checked(size: str) -> str:
    """`size` when it is one."""
    extent(size)
    return size


def prepare(home: Path, sizes: Sequence[str]) -> None:
    """A home of its own, and a screen that is large enough. Before Qt or the program are imported."""
    os.environ["HOME"] = str(home)
    os.environ["FLAWSCOPE_HOME"] = str(home / ".flawscope")
    if "QT_QPA_PLATFORM" not in os.environ:
        scale = float(os.environ.get("QT_SCALE_FACTOR", "1"))
        wide, high = (round(scale * max(extent(size)[axis] for size in sizes)) for axis in (0, 1))
        screen = {"name": "pictures", "x": 0, "y": 0, "width": wide, "height": high, "logicalDpi": 96, "dpr": 1}
        (home / "screen.json").write_text(json.dumps({"screens": [screen]}))
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={home / 'screen.json'}"


def main() -> int:
    """Take the pictures; exit code 1 when a state could not be shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("build/pictures"), help="where they go")
    parser.add_argument("--look", choices=(*LOOKS, "both"), default="both")
    parser.add_argument("--size", type=checked, nargs="+", default=list(SIZES), metavar="WIDTHxHEIGHT")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="states, or how their names begin")
    parser.add_argument("--list", action="store_true", help="name the states and end")
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="flawscope-pictures-"))
    try:
        prepare(place, asked.size)
        return run(asked, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run(asked: argparse.Namespace, home: Path) -> int:
    """Every wanted state in every look."""
    from picture_material import Material
    from picture_states import STATES
    from picture_studio import StateError, Studio

    from app.gui import application

    wanted = [one for one in STATES if not asked.only or any(one.startswith(part) for part in asked.only)]
    if asked.list or not wanted:
        sys.stdout.write("\n".join(STATES) + "\n")
        return 0 if asked.list else 2
    asked.out.mkdir(parents=True, exist_ok=True)
    app = application(None)
    failed = []
    with Material(home) as material:
        for look in LOOKS if asked.look == "both" else (asked.look,):
            studio = Studio(app, material, look)
            for name in wanted:
                try:
                    take(studio, name, asked.size, asked.out)
                    sys.stdout.write(f"{name} ({look})\n")
                except StateError as error:
                    failed.append(name)
                    sys.stderr.write(f"{name} ({look}): {error}\n")
                    studio.tidy()
                sys.stdout.flush()
            studio.end()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
