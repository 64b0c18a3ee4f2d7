"""The base of every group of settings: frozen, and a key that does not exist is an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """One group of settings; `title` and `description` of its fields are what a form shows."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
