"""Versions and notices of what this copy is made of."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QTreeWidget, QTreeWidgetItem, QWidget

from app.dialogs.dialog import Dialog
from app.words import tr

_PARTS: Final = (
    ("PySide6-Essentials", "Qt for Python", "LGPL-3.0"),
    ("numpy", "NumPy", "BSD-3-Clause"),
    ("opencv-python-headless", "OpenCV", "Apache-2.0"),
    ("pillow", "Pillow", "MIT-CMU"),
    ("tifffile", "tifffile", "BSD-3-Clause"),
    ("imagecodecs", "imagecodecs", "BSD-3-Clause"),
    ("pyqtgraph", "PyQtGraph", "MIT"),
    ("scikit-learn", "scikit-learn", "BSD-3-Clause"),
    ("scipy", "SciPy", "BSD-3-Clause"),
    ("statsmodels", "statsmodels", "BSD-3-Clause"),
    ("pydantic", "Pydantic", "MIT"),
    ("torch", "PyTorch", "BSD-3-Clause"),
    ("timm", "timm (Swin Transformer)", "Apache-2.0"),
    ("safetensors", "safetensors", "Apache-2.0"),
    ("onnxruntime", "ONNX Runtime", "MIT"),
    ("matplotlib", "Matplotlib", "matplotlib"),
    ("jinja2", "Jinja", "BSD-3-Clause"),
    ("psutil", "psutil", "BSD-3-Clause"),
)


class AboutDialog(Dialog):
    """What runs here, to be copied into a question."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("About Flawscope"), parent)
        self.resize(560, 560)
        title = QLabel("Flawscope", self)
        title.setProperty("role", "title")
        facts = tr("Version {version}", version=_version("flawscope") or "?")
        facts += f" · Python {platform.python_version()} · Qt {qVersion()}"
        said = QLabel(facts, self)
        terms = tr("Free software under the Apache License 2.0. It works offline and sends nothing anywhere.")
        licence = QLabel(terms, self)
        licence.setWordWrap(True)
        licence.setProperty("role", "muted")
        self._tree = QTreeWidget(self)
        self._tree.setHeaderLabels([tr("Made with"), tr("Version"), tr("Licence")])
        self._tree.setRootIsDecorated(False)
        self._tree.setUniformRowHeights(True)
        for distribution, name, terms in _PARTS:
            self._tree.addTopLevelItem(QTreeWidgetItem([name, _version(distribution) or tr("not installed"), terms]))
        self._tree.setColumnWidth(0, 240)
        for widget in (title, said, licence, self._tree):
            self.column.addWidget(widget)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self._text(facts)))
        buttons.rejected.connect(self.accept)
        self.column.addWidget(buttons)

    def _text(self, facts: str) -> str:
        rows = [facts, platform.platform()]
        for row in range(self._tree.topLevelItemCount()):
            item = self._tree.topLevelItem(row)
            if item is not None:
                rows.append(f"{item.text(0)} {item.text(1)}")
        return "\n".join(rows)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
