"""One folder read at a time: names in natural order, nothing followed in circles, nothing unreadable passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.layouts.entries import ScanReport
from core.layouts.words import is_ignored, is_image_name, natural_key


@dataclass(frozen=True)
class Listing:
    """The names of images and of sub-folders; hidden, temporary and other files are not in it."""

    images: list[str]
    folders: list[str]


def list_folder(folder: Path, report: ScanReport, *, ordered: bool = True) -> Listing:
    """The folder's listing, empty with a problem noted when it cannot be read; links that lead nowhere are noted."""
    images: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if is_ignored(name):
                    continue
                if is_image_name(name) and entry.is_file():
                    images.append(name)
                elif entry.is_dir():
                    if entry.is_symlink() and _leads_back(Path(entry.path)):
                        report.problem(Path(entry.path), "this link leads back into a folder above it; not followed")
                    else:
                        folders.append(name)
                elif is_image_name(name) and not entry.is_file():
                    report.problem(Path(entry.path), "this link points to a file that is not there")
    except OSError as error:
        report.problem(folder, f"this folder cannot be read ({error.strerror or error}); its images are left out")
    if ordered:
        images.sort(key=natural_key)
        folders.sort(key=natural_key)
    return Listing(images, folders)


def subfolders(folder: Path) -> list[str]:
    """Names of the sub-folders in natural order; empty when unreadable. Images beside them are not even listed."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and not is_ignored(entry.name)]
    except OSError:
        return []  # the scan reports it
    return sorted(names, key=natural_key)


def has_images(folder: Path, *, below: bool = True) -> bool:
    """Whether there is an image in `folder`, or anywhere below; stops at the first."""
    try:
        with os.scandir(folder) as entries:
            if any(is_image_name(entry.name) and not is_ignored(entry.name) and entry.is_file() for entry in entries):
                return True
    except OSError:
        return False  # the scan reports it
    if not below:
        return False
    return any(has_images(folder / name) for name in list_folder(folder, ScanReport(), ordered=False).folders)


def _leads_back(link: Path) -> bool:
    target = link.resolve()
    return link.parent.resolve().is_relative_to(target)
