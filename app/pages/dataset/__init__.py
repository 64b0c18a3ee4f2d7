"""The dataset page: what there is, how it is labelled and divided, what is wrong with it, what to do next."""

from app.pages.dataset.page import DatasetPage

__all__ = ["DatasetPage"]
