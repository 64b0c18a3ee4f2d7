"""Annotate: one image at a time, with its masks and regions; label it and go on."""

from app.pages.annotate.page import AnnotatePage

__all__ = ["AnnotatePage"]
