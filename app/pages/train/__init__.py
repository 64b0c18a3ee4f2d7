"""The page where a detector learns: is everything there, how long may it take, and what it learns meanwhile."""

from __future__ import annotations

from app.pages.train.page import TrainPage

__all__ = ["TrainPage"]
