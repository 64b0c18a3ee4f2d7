"""Letters that are underlined in menus and choose an entry, or with Alt a menu: no two alike within one menu."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QEvent
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu


@lru_cache(maxsize=64)
def with_letters(words: tuple[str, ...], keys: tuple[str, ...] = ()) -> tuple[str, ...]:
    """`words` of one menu with `&` before the letter of each; those for which none is left stay without.

    `keys` are single letters that do the same outside of the menu, '' for none: where it can be an entry has its own
    one, and no other entry has it. What follows a tab (the keys that are shown) has no letter.
    """
    own = [key.casefold() if len(key) == 1 and key.isalpha() else "" for key in (*keys, *[""] * len(words))]
    places: list[int | None] = [None] * len(words)
    for at, word in enumerate(words):
        found = _places(word, initials_only=True) + _places(word, initials_only=False)
        if own[at] not in own[:at]:  # two that have a key in common are used at different times
            places[at] = next((place for place in found if word[place].casefold() == own[at]), None)
    taken = {key for key in own if key}
    for initials_only in (True, False):
        for at, word in enumerate(words):
            free = [
                place for place in _places(word, initials_only=initials_only) if word[place].casefold() not in taken
            ]
            if places[at] is None and free:
                places[at] = free[0]
                taken.add(word[free[0]].casefold())
    return tuple(_marked(word, place) for word, place in zip(words, places, strict=True))


def plain(words: str) -> str:
    """Without the marks of letters."""
    return words.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _places(words: str, *, initials_only: bool) -> list[int]:
    """Places of letters in what stands before a tab; only the first ones of each word."""
    word = words.split("\t")[0]
    starts = [at for at, one in enumerate(word) if one.isalpha() and (at == 0 or not word[at - 1].isalnum())]
    return starts if initials_only else [at for at, one in enumerate(word) if one.isalpha()]


def _marked(word: str, place: int | None) -> str:
    if place is None:
        return word.replace("&", "&&")
    return f"{word[:place].replace('&', '&&')}&{word[place:].replace('&', '&&')}"


class OwnKeysMenu(QMenu):
    """A menu whose keys are its own: Qt offers them to the image behind it first."""

    def event(self, event: QEvent) -> bool:
        """What is pressed here is no shortcut of what lies behind."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)


class LetterMenu(OwnKeysMenu):
    """A menu whose entries get letters as it opens."""

    def showEvent(self, event: QShowEvent) -> None:
        """Now every entry is there."""
        entries = [one for one in self.actions() if not one.isSeparator()]
        words = with_letters(tuple(plain(one.text()) for one in entries))
        for entry, word in zip(entries, words, strict=True):
            entry.setText(word)
        super().showEvent(event)
