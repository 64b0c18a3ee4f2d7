"""A template is found where it was put: shifted, turned, scaled; what is not there is not believed."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.annotation.alignment import LOW, Fit, Template
from core.imaging import load_rgb8

Picture = NDArray[np.uint8]


def _board(width: int = 300, height: int = 220) -> Picture:
    """A drawn part: plates, a disc, a mark, on an uneven ground."""
    across = np.linspace(60, 100, width)[None, :].repeat(height, 0)
    picture = np.repeat(across[..., None], 3, axis=2).astype(np.uint8)
    cv2.rectangle(picture, (60, 50), (230, 170), (190, 185, 170), -1)
    cv2.circle(picture, (110, 100), 24, (40, 60, 90), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (160, 70), (210, 90), (250, 250, 240), -1)
    cv2.line(picture, (150, 150), (215, 120), (20, 20, 20), 3, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.uint8)


def _motion(shape: tuple[int, ...], degrees: float, scale: float, across: float, down: float) -> NDArray[np.float64]:
    """About the middle, then shifted; (2, 3)."""
    matrix = cv2.getRotationMatrix2D(((shape[1] - 1) / 2, (shape[0] - 1) / 2), degrees, scale)
    matrix[:, 2] += (across, down)
    return np.asarray(matrix, np.float64)


def _seen(picture: Picture, motion: NDArray[np.float64], *, seed: int = 0) -> Picture:
    """The part moved, in another light, with the noise of a camera."""
    size = picture.shape[1::-1]
    moved = cv2.warpAffine(picture, motion, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(seed).normal(0, 2, moved.shape)
    return np.clip(moved * 0.85 + 12 + noise, 0, 255).astype(np.uint8)


def _off_by(fit: Fit, motion: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """Pixels between where the corners of the middle of the image went and where they were said to go."""
    found = np.array(fit.matrix).reshape(2, 3)
    inner = [[x * shape[1], y * shape[0], 1] for x in (0.25, 0.75) for y in (0.25, 0.75)]
    points = np.array(inner).T
    return float(np.abs(found @ points - motion @ points).max())


def _turn_and_scale(fit: Fit) -> tuple[float, float]:
    a, b, _, d, e, _ = fit.matrix
    return math.degrees(math.atan2(b, a)), math.sqrt(abs(a * e - b * d))


@settings(max_examples=25, deadline=None)
@given(st.floats(-40, 40), st.floats(-30, 30))
def test_a_shift_is_found_within_a_pixel(across: float, down: float) -> None:
    board = _board()
    motion = _motion(board.shape, 0, 1, across, down)

    fit = Template(board, (300, 220)).align(_seen(board, motion), (300, 220), "translation")

    assert _off_by(fit, motion, board.shape) < 0.7 and fit.confidence > LOW
    assert fit.matrix[0] == fit.matrix[4] == pytest.approx(1) and fit.matrix[1] == pytest.approx(0)


@settings(max_examples=20, deadline=None)
@given(st.floats(-12, 12), st.floats(0.93, 1.07), st.floats(-12, 12), st.floats(-12, 12))
def test_turn_and_scale_are_found_as_well(degrees: float, scale: float, across: float, down: float) -> None:
    board = _board()
    motion = _motion(board.shape, degrees, scale, across, down)

    fit = Template(board, (300, 220)).align(_seen(board, motion), (300, 220), "similarity")

    found = _turn_and_scale(fit)
    assert _off_by(fit, motion, board.shape) < 1
    assert found == (pytest.approx(degrees, abs=0.2), pytest.approx(scale, abs=0.005))


@pytest.mark.parametrize("degrees", [90, 180, -120])
def test_a_part_that_lies_the_other_way_round_is_found(degrees: int) -> None:
    board = cv2.copyMakeBorder(_board(), 60, 60, 20, 20, cv2.BORDER_REFLECT)
    motion = _motion(board.shape, degrees, 1, 4, -3)
    size = (board.shape[1], board.shape[0])

    fit = Template(board, size).align(_seen(board, motion), size, "similarity")

    assert _off_by(fit, motion, board.shape) < 1 and fit.method in ("log-polar", "features")


@pytest.mark.parametrize(("name", "degrees", "scale"), [("mvtec_pill", 3.0, 1.02), ("cookie", -5.0, 0.97)])
def test_real_images_are_found_again(real_data: Path, name: str, degrees: float, scale: float) -> None:
    path = next(iter(sorted((real_data / name / "train" / "good").iterdir())))
    image = load_rgb8(path)
    size = (image.shape[1], image.shape[0])
    motion = _motion(image.shape, degrees, scale, 0.04 * size[0], -0.03 * size[1])

    fit = Template(image, size).align(_seen(image, motion), size, "similarity")

    assert _off_by(fit, motion, image.shape) < 1 and fit.confidence > 0.8
    assert _turn_and_scale(fit) == (pytest.approx(degrees, abs=0.2), pytest.approx(scale, abs=0.005))


def test_another_good_pill_is_believed_and_a_texture_is_not(real_data: Path) -> None:
    pills = sorted((real_data / "mvtec_pill" / "train" / "good").iterdir())[:2]
    stranger = next(path for path in sorted((real_data / "textures" / "braided").rglob("*")) if path.is_file())
    first, second, texture = (load_rgb8(path) for path in (*pills, stranger))
    template = Template(first, (first.shape[1], first.shape[0]))

    assert template.align(second, (second.shape[1], second.shape[0]), "similarity").confidence > 0.8
    assert template.align(texture, (texture.shape[1], texture.shape[0]), "similarity").confidence < 0.25


@pytest.mark.parametrize("way", ["off", "translation", "similarity"])
def test_a_blank_or_noisy_image_gets_no_confidence(way: str) -> None:
    board = _board()
    template = Template(board, (300, 220))
    noise = np.random.default_rng(1).integers(0, 255, board.shape, dtype=np.uint8)

    for picture in (np.full_like(board, 128), np.zeros_like(board), noise):
        assert template.align(picture, (300, 220), way).confidence < 0.2  # type: ignore[arg-type]
    assert Template(np.zeros_like(board), (300, 220)).align(board, (300, 220), way).confidence == 0  # type: ignore[arg-type]


def test_without_aligning_the_image_is_only_measured() -> None:
    board = _board()
    moved = _seen(board, _motion(board.shape, 0, 1, 25, 10))

    fit = Template(board, (300, 220)).align(moved, (300, 220), "off")

    assert fit.matrix == (1, 0, 0, 0, 1, 0) and fit.method == "as it lies" and fit.confidence < LOW


def test_what_lies_in_the_zones_decides() -> None:
    """The fixture stays, the part in it moved: its zone goes along."""
    board = _board()
    region = np.zeros(board.shape[:2], np.uint8)
    region[60:140, 80:140] = 1
    fixture = board.copy()
    fixture[40:180, 50:240] = _seen(board, _motion(board.shape, 0, 1, 9, -6))[40:180, 50:240]

    fit = Template(board, (300, 220), region).align(fixture, (300, 220), "translation")

    assert (fit.matrix[2], fit.matrix[5]) == (pytest.approx(9, abs=0.7), pytest.approx(-6, abs=0.7))


def test_an_image_of_another_size_is_stretched_first() -> None:
    board = _board()
    motion = _motion(board.shape, 0, 1, 12, 8)
    larger = np.asarray(cv2.resize(_seen(board, motion), (600, 440), interpolation=cv2.INTER_CUBIC), np.uint8)

    fit = Template(board, (300, 220)).align(larger, (600, 440), "translation")

    assert fit.matrix[0] == pytest.approx(2) and fit.matrix[4] == pytest.approx(2)
    assert (fit.matrix[2], fit.matrix[5]) == (pytest.approx(24.5, abs=1), pytest.approx(16.5, abs=1))
