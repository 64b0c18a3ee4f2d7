"""Packed masks and strokes: what goes in comes out, and nothing else opens."""

from __future__ import annotations

import contextlib
import hashlib

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.annotation import masks
from core.errors import InputError

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))
MASKS = SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 1, 2, 255])))
PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(*[arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 7, 254]))] * 2)
)


@settings(deadline=None)
@given(MASKS)
def test_a_packed_mask_unpacks_to_the_same_pixels(mask: masks.Mask) -> None:
    unpacked = masks.unpack_mask(masks.pack_mask(mask))
    assert unpacked.dtype == np.uint8
    np.testing.assert_array_equal(unpacked, mask)
    assert unpacked.flags.writeable


@settings(deadline=None)
@given(PAIRS)
def test_a_stroke_does_and_undoes_itself(pair: tuple[masks.Mask, masks.Mask]) -> None:
    before, after = pair
    delta = masks.delta_between(before, after)
    if delta is None:
        np.testing.assert_array_equal(before, after)
        return
    delta = masks.unpack_delta(masks.pack_delta(delta))
    mask = before.copy()
    masks.apply_delta(mask, delta)
    np.testing.assert_array_equal(mask, after)
    masks.apply_delta(mask, delta)
    np.testing.assert_array_equal(mask, before)
    assert delta.pixels == np.count_nonzero(before != after)


@settings(max_examples=150, deadline=None)
@given(MASKS, st.data())
def test_a_damaged_mask_is_refused_or_still_a_mask_never_a_crash(mask: masks.Mask, data: st.DataObject) -> None:
    packed = bytearray(masks.pack_mask(mask))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(packed)))
    for damaged in (bytes(packed), bytes(packed)[:cut]):
        with contextlib.suppress(InputError):
            masks.unpack_mask(damaged)


def test_a_header_that_asks_for_terabytes_is_refused_before_memory_is_taken() -> None:
    packed = bytearray(masks.pack_mask(masks.empty(8, 8)))
    packed[4:12] = (2**32 - 1).to_bytes(4, "little") * 2
    with pytest.raises(InputError):
        masks.unpack_mask(bytes(packed))


def test_a_stream_longer_than_its_box_is_refused() -> None:
    mask = np.full((4, 4), 3, np.uint8)
    mask[0, 0] = 1  # two values: one byte a pixel
    import zlib

    packed = masks.pack_mask(mask)
    bomb = packed[: len(packed) - len(zlib.compress(mask.tobytes(), 1))] + zlib.compress(bytes(10_000_000), 1)
    with pytest.raises(InputError):
        masks.unpack_mask(bomb)


def test_the_hash_of_a_mask_is_that_of_its_size_and_pixels() -> None:
    mask = np.array([[0, 1], [2, 0], [0, 0]], np.uint8)
    golden = hashlib.sha256(bytes([3, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0])).hexdigest()
    assert masks.mask_sha256(mask) == golden
    assert masks.mask_sha256(np.asfortranarray(mask)) == golden


def test_a_small_defect_on_a_large_image_packs_small() -> None:
    mask = masks.empty(8192, 4096)
    mask[2000:2060, 100:180] = 4
    assert len(masks.pack_mask(mask)) < 200
    assert masks.painted_pixels(mask) == {4: 60 * 80}
    assert masks.bounding_box(mask) == (100, 2000, 180, 2060)


def test_a_stroke_is_looked_for_inside_the_box_only_and_the_box_may_stick_out() -> None:
    before, after = masks.empty(10, 10), masks.empty(10, 10)
    after[0, 0] = after[9, 9] = 1
    delta = masks.delta_between(before, after, box=(5, 5, 99, 99))
    assert delta is not None
    assert delta.box == (9, 9, 10, 10)


def test_a_stroke_of_another_size_and_arrays_that_are_no_masks_are_refused() -> None:
    delta = masks.delta_between(masks.empty(4, 4), np.ones((4, 4), np.uint8))
    assert delta is not None
    with pytest.raises(InputError, match="does not fit"):
        masks.apply_delta(masks.empty(5, 4), delta)
    with pytest.raises(InputError):
        masks.delta_between(masks.empty(4, 4), masks.empty(4, 5))
    with pytest.raises(InputError):
        masks.pack_mask(np.zeros((2, 2, 3), np.uint8))
