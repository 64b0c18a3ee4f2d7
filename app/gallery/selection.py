"""Which places of a list are chosen, as every file manager does it: click, Ctrl, Shift, a band, all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


class Selection:
    """Places 0..count - 1; `current` is where the keyboard is, `anchor` where a range began; -1: nowhere."""

    def __init__(self, count: int = 0) -> None:
        self.chosen = np.zeros(count, np.bool_)
        self.current = -1
        self.anchor = -1
        self._band_base = self.chosen

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def places(self) -> Places:
        """The chosen places in order."""
        return np.flatnonzero(self.chosen)

    @property
    def count(self) -> int:
        """How many are chosen."""
        return int(np.count_nonzero(self.chosen))

    def reset(self, count: int, chosen: Places, current: int = -1) -> None:
        """Another list: these of it are chosen."""
        self.chosen = np.zeros(count, np.bool_)
        self.chosen[chosen] = True
        self.current = self.anchor = current

    def only(self, place: int) -> None:
        """This one alone."""
        self.chosen[:] = False
        self.chosen[place] = True
        self.current = self.anchor = place

    def toggle(self, place: int) -> None:
        """This one in or out, the others as they are."""
        self.chosen[place] = not self.chosen[place]
        self.current = self.anchor = place

    def reach(self, place: int, *, adding: bool = False) -> None:
        """From the anchor to this one; `adding` keeps what was chosen."""
        if self.anchor < 0:
            self.anchor = place
        if not adding:
            self.chosen[:] = False
        first, last = sorted((self.anchor, place))
        self.chosen[first : last + 1] = True
        self.current = place

    def go(self, place: int) -> None:
        """The keyboard goes there; what is chosen stays."""
        self.current = self.anchor = place

    def choose_all(self) -> None:
        """All of them."""
        self.chosen[:] = True

    def choose_none(self) -> None:
        """None of them."""
        self.chosen[:] = False

    def begin_band(self, *, keeping: bool) -> None:
        """A band is drawn from here on; `keeping` adds it to what is chosen, or takes away where it was chosen."""
        self._band_base = self.chosen.copy() if keeping else np.zeros(len(self.chosen), np.bool_)

    def set_band(self, places: Places) -> None:
        """The band lies over these."""
        self.chosen = self._band_base.copy()
        self.chosen[places] = ~self._band_base[places]
