"""What is measured on an anomaly map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def running_mean(values: NDArray[np.float32], kernel: int) -> NDArray[np.float32]:
    """(H, W) -> (H, W): the mean over an odd `kernel`, zeros outside counted; its maximum is the score (DRAEM)."""
    side = (kernel, kernel)
    mean = cv2.boxFilter(values, -1, side, normalize=True, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)
