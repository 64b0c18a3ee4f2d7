"""Masks out into every format and back, to the pixel; what others wrote; what does not parse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from core.annotation import shapes
from core.annotation.formats import (
    FORMATS,
    Export,
    Item,
    Outlet,
    Style,
    coco,
    draw,
    format_of,
    labelme,
    recognise,
    runs,
)
from core.annotation.masks import Mask
from core.annotation.outlines import outlines
from core.errors import InputError

CODES = {1: "scratch", 2: "Größe, 大", 5: "-crack: 'x'"}
IDS = {code: number for number, code in CODES.items()}
WAYS = [(one.id, style) for one in FORMATS if one.has_masks for style in one.styles]


@st.composite
def label_masks(draw_: st.DrawFn) -> Mask:
    """Blobs, holes, single pixels and noise of up to three classes."""
    height, width = draw_(st.integers(1, 24)), draw_(st.integers(1, 24))
    values = st.sampled_from([0, 0, 1, 2, 5])
    noise = draw_(arrays(np.uint8, (height, width), elements=values, fill=st.just(draw_(values))))
    for _ in range(draw_(st.integers(0, 3))):
        x, y = draw_(st.integers(0, width - 1)), draw_(st.integers(0, height - 1))
        noise[y : y + draw_(st.integers(1, 9)), x : x + draw_(st.integers(1, 9))] = draw_(values)
    return noise


def item(mask: Mask | None, name: str = "test/crack/000.png", **facts: str) -> Item:
    height, width = (8, 8) if mask is None else mask.shape
    return Item(name, Path("/pictures") / name, width, height, facts, lambda: mask)


def written(folder: Path, way: tuple[str, Style], *items: Item, overwrite: bool = False) -> Outlet:
    with Outlet(folder, overwrite=overwrite) as outlet:
        format_of(way[0]).write(items, Export(outlet, CODES, way[1]))
    return outlet


def read_back(folder: Path, name: str, width: int, height: int) -> Mask:
    """All records of a folder on one mask."""
    used = format_of(name)
    records = [record for path in used.find(folder) for record in used.read(path, folder)]
    assert [record.fault for record in records if record.fault] == []
    found = tuple(replace(shape, code=shape.code or "scratch") for record in records for shape in record.shapes)
    drawn = draw(found, IDS, width, height)
    assert drawn.overlaps == ()
    return drawn.labels


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@settings(max_examples=40, deadline=None)
@given(mask=label_masks())
def test_a_mask_comes_back_from_every_format_to_the_pixel(
    tmp_path_factory: pytest.TempPathFactory, way: tuple[str, Style], mask: Mask
) -> None:
    folder = tmp_path_factory.mktemp("out")
    outlet = written(folder, way, item(mask, **{"class": "scratch", "product": "nut"}))
    assert outlet.left_out == []
    assert np.array_equal(read_back(folder, way[0], mask.shape[1], mask.shape[0]), mask)


@settings(max_examples=60, deadline=None)
@given(mask=label_masks())
def test_an_outline_surrounds_exactly_what_hangs_together(mask: Mask) -> None:
    rings = outlines(mask > 0)
    parts = [shapes.polygon(ring, mask.shape[1], mask.shape[0]) for ring in rings]
    covered = np.zeros(mask.shape, np.int64)
    for part in parts:
        assert part is not None
        bits, (x0, y0, x1, y1) = part
        covered[y0:y1, x0:x1] += bits
    assert np.array_equal(covered, mask > 0)
    for ring in rings:  # every edge runs along a border of pixels
        steps = np.roll(ring, -1, axis=0) - ring
        assert ((steps == 0).sum(axis=1) == 1).all()


@settings(max_examples=60, deadline=None)
@given(mask=label_masks())
def test_run_lengths_are_those_of_pycocotools(mask: Mask) -> None:
    bits = mask > 0
    height, width = bits.shape
    counts = runs.to_counts((bits, (0, 0, width, height)), height, width)
    theirs = coco_mask.encode(np.asfortranarray(bits.view(np.uint8)))
    assert runs.pack(counts) == theirs["counts"].decode()
    assert runs.unpack(theirs["counts"].decode()) == counts
    back = runs.to_pixels(counts, height, width)
    if back is None:
        assert not bits.any()
    else:
        patch, (x0, y0, x1, y1) = back
        assert patch.sum() == bits.sum() and np.array_equal(bits[y0:y1, x0:x1], patch)


def a_ring_with_two_holes() -> Mask:
    mask = np.zeros((40, 60), np.uint8)
    mask[5:30, 8:50] = 1
    mask[10:15, 12:20] = 0
    mask[12:25, 25:40] = 0
    mask[16:20, 30:34] = 2
    mask[35, 3] = 5
    return mask


@pytest.mark.parametrize("style", ["polygons", "masks"])
def test_pycocotools_reads_what_is_written(tmp_path: Path, style: Style) -> None:
    mask = a_ring_with_two_holes()
    written(tmp_path, ("coco", style), item(mask), item(None, "train/good/1.png", label="good"))
    document = json.loads((tmp_path / coco.NAME).read_text(encoding="utf-8"))
    assert [one["file_name"] for one in document["images"]] == ["test/crack/000.png", "train/good/1.png"]
    names = {one["id"]: one["name"] for one in document["categories"]}
    found = np.zeros(mask.shape, np.uint8)
    for one in document["annotations"]:
        outline = one["segmentation"]
        packed = coco_mask.merge(coco_mask.frPyObjects(outline, 40, 60)) if style == "polygons" else outline
        bits = coco_mask.decode(packed).astype(bool)
        assert one["area"] == bits.sum()
        found[bits] = IDS[names[one["category_id"]]]
    assert np.array_equal(found, mask)


def test_coco_of_pycocotools_is_read_with_its_crowds_and_parts(tmp_path: Path) -> None:
    crowd, single = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
    crowd[2:12, 3:20] = 1
    single[5:8, 5:9] = 1
    packed = coco_mask.encode(np.asfortranarray(crowd))
    document: dict[str, Any] = {
        "images": [{"id": "a", "file_name": "x\\1.png", "width": 30, "height": 20}],
        "categories": [{"id": 7, "name": "scratch"}, {"id": 3, "name": CODES[2]}],
        "annotations": [
            {"id": 1, "image_id": "a", "category_id": 3, "segmentation": [[5, 5, 9, 5, 9, 8, 5, 8]], "iscrowd": 0},
            {
                "id": 2,
                "image_id": "a",
                "category_id": 7,
                "segmentation": {"size": packed["size"], "counts": packed["counts"].decode()},
                "iscrowd": 1,
            },
            {
                "id": 3,
                "image_id": "a",
                "category_id": 7,
                "segmentation": [[20, 1, 22, 1, 22, 3, 20, 3], [25, 1, 29, 1, 29, 3]],
            },
            {"id": 4, "image_id": "a", "category_id": 7, "segmentation": {"size": [20, 30], "counts": [599, 1]}},
        ],
    }
    (tmp_path / "all.json").write_text(json.dumps(document), encoding="utf-8")
    assert recognise(tmp_path).id == "coco"
    (record,) = coco.read(tmp_path / "all.json", tmp_path)
    assert (record.names, record.size) == (("x/1.png",), (30, 20))
    drawn = draw(record.shapes, IDS, 30, 20)
    expected = np.where(crowd > 0, 1, 0)
    expected[single > 0] = 2  # it stands before the crowd in the file, and still lies over it
    expected[1:3, 20:22] = 1
    expected[19, 29] = 1
    triangle = coco_mask.decode(coco_mask.frPyObjects([[25, 1, 29, 1, 29, 3]], 20, 30))[..., 0]
    assert np.array_equal(np.where(triangle > 0, 0, drawn.labels)[:, :29], np.where(triangle > 0, 0, expected)[:, :29])
    assert [(one.place, one.pixels, one.under) for one in drawn.overlaps] == [("annotation 1", 12, ("scratch",))]


def test_labelme_reads_every_kind_of_shape(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data" / "labelme" / "every_shape.json"
    assert labelme.knows([source])
    (record,) = labelme.read(source, source.parent)
    assert record.names[0] == "pictures/Teil 1.png" and record.size == (64, 48)
    ids = {shape.code: 1 + index for index, shape in enumerate(record.shapes)}
    labels = draw(record.shapes, ids, 64, 48).labels
    expected = np.load(source.with_suffix(".npy"))
    exact = np.zeros_like(labels)
    exact[2:12, 2:14] = ids["polygon"]
    exact[7:12, 2:8] = 0
    exact[4:10, 20:30] = ids["rectangle"]
    for code, number in ids.items():
        ours, theirs = labels == number, expected == number
        if code in ("rectangle", "polygon"):
            assert np.array_equal(ours, exact == number), code
        if code == "mask":
            assert np.array_equal(ours, theirs)
        else:  # labelme draws borders a pixel wider, lines ten and points five pixels thick
            assert ours.any() and theirs[ours].mean() > 0.9, code
    assert draw(record.shapes, ids, 64, 48).overlaps == ()


def test_what_a_labelme_file_held_besides_stays(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data" / "labelme" / "every_shape.json"
    before = json.loads(source.read_text(encoding="utf-8"))
    before |= {"shift": {"night": [1, 2]}, "imageData": "QUJD"}
    polygon = next(one for one in before["shapes"] if one["shape_type"] == "polygon")
    polygon |= {"label": "scratch", "flags": {"checked": True}, "who": "CD", "group_id": 4}
    before["shapes"] = [polygon, {**polygon, "points": [[50, 40], [60, 40], [60, 46]], "note": "goes"}]
    (tmp_path / "a.json").write_text(json.dumps(before), encoding="utf-8")
    (record,) = labelme.read(tmp_path / "a.json", tmp_path)
    mask = draw(record.shapes[:1], IDS, 64, 48).labels
    mask[0:2, 60:64] = 2
    refused = written(tmp_path, ("labelme", "polygons"), item(mask, "a.png"))
    assert len(refused.left_out) == 1 and "did not write" in refused.left_out[0][1]
    assert json.loads((tmp_path / "a.json").read_text()) == before
    assert written(tmp_path, ("labelme", "polygons"), item(mask, "a.png"), overwrite=True).left_out == []
    after = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert after["shift"] == before["shift"] and after["imageData"] == "QUJD"
    assert after["shapes"][0] == polygon  # its points too
    assert [one["label"] for one in after["shapes"]] == ["scratch", CODES[2]]
    assert np.array_equal(read_back(tmp_path, "labelme", 64, 48), mask)


def test_other_images_and_keys_of_a_coco_file_stay(tmp_path: Path) -> None:
    mask = a_ring_with_two_holes()
    written(tmp_path, ("coco", "polygons"), item(mask), item(mask, "b.png"))
    document = json.loads((tmp_path / coco.NAME).read_text())
    document["info"]["contributor"] = "CD"
    document["images"][1]["camera"] = "left"
    for one in document["annotations"]:
        one["note"] = one["id"]
    (tmp_path / coco.NAME).write_text(json.dumps(document))
    changed = mask.copy()
    changed[35, 3] = 0
    changed[36:39, 3:9] = 1
    assert written(tmp_path, ("coco", "masks"), item(changed), overwrite=True).left_out == []
    after = json.loads((tmp_path / coco.NAME).read_text())
    assert after["info"]["contributor"] == "CD" and after["images"] == document["images"]
    notes = [one.get("note") for one in after["annotations"]]
    assert sorted(one for one in notes if one) == [1, 2, 4, 5, 6]  # 3 was the pixel that is gone
    assert len({one["id"] for one in after["annotations"]}) == 6 and notes.count(None) == 1
    first = [record for record in coco.read(tmp_path / coco.NAME, tmp_path) if record.names[0] != "b.png"]
    assert np.array_equal(draw(first[0].shapes, IDS, 60, 40).labels, changed)


def test_an_export_replaces_what_it_wrote_and_nothing_else(tmp_path: Path) -> None:
    mask = a_ring_with_two_holes()
    way = ("yolo", "polygons")
    first = written(tmp_path, way, item(mask, split="train"))
    assert (first.written, first.left_out) == (3, [])
    mask[0, 0] = 1
    again = written(tmp_path, way, item(mask, split="train"))
    assert (again.written, again.unchanged, again.left_out) == (1, 2, [])
    labels = tmp_path / "labels" / "test" / "crack" / "000.txt"
    by_hand = labels.read_text() + "0 0.1 0.1 0.2 0.1 0.2 0.2\n"
    labels.write_text(by_hand)
    refused = written(tmp_path, way, item(mask, split="train"))
    assert [path for path, _ in refused.left_out] == [labels] and labels.read_text() == by_hand
    labels.write_text("0 0.1 nonsense\n")
    broken = written(tmp_path, way, item(mask, split="train"), overwrite=True)
    assert "does not parse (line 1 is not a class number" in broken.left_out[0][1]
    assert labels.read_text() == "0 0.1 nonsense\n"
    labels.write_text(by_hand)
    assert written(tmp_path, way, item(mask, split="train"), overwrite=True).left_out == []
    assert np.array_equal(read_back(tmp_path, "yolo", 60, 40), mask)


def test_a_class_map_never_goes_on_saying_what_was_before(tmp_path: Path) -> None:
    facts = {"class": "scratch", "product": "nut"}
    mask = a_ring_with_two_holes()
    written(tmp_path, ("mvtec", "masks"), item(mask, **facts))
    mask[mask > 0] = 1
    assert written(tmp_path, ("mvtec", "masks"), item(mask, **facts)).left_out == []
    assert np.array_equal(read_back(tmp_path, "mvtec", 60, 40), mask)
    (tmp_path / "classes.json").write_text('{"1": "dent"}')
    assert [path.name for path, _ in written(tmp_path, ("mvtec", "masks"), item(mask, **facts)).left_out] == [
        "classes.json"
    ]


def test_images_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    one, two = np.full((4, 4), 1, np.uint8), np.full((4, 4), 2, np.uint8)
    outlet = written(tmp_path, ("labelme", "masks"), item(one, "a/x.png"), replace(item(two, "a/X.bmp"), key=17))
    assert outlet.written == 2
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["X-17.json", "x.json"]


def test_a_class_that_is_no_folder_stays_below_the_folder(tmp_path: Path) -> None:
    facts = {"class": "../../up", "product": "con"}
    assert written(tmp_path / "out", ("mvtec", "masks"), item(np.ones((4, 4), np.uint8), **facts)).left_out == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        ("names: [scratch, 'a, b', \"c\"]", {0: "scratch", 1: "a, b", 2: "c"}),
        ("names: {0: scratch, 3: 'it''s'}", {0: "scratch", 3: "it's"}),
        ("names:\n  0: scratch  # first\n  2: Größe\nnc: 2", {0: "scratch", 2: "Größe"}),
        ('path: x\nnames:\n- scratch\n- "t\\"q"\n', {0: "scratch", 1: 't"q'}),
    ],
)
def test_classes_of_yolo_in_all_the_ways_they_are_written(tmp_path: Path, names: str, codes: dict[int, str]) -> None:
    from core.annotation.formats.yolo_seg import read_classes

    (tmp_path / "data.yaml").write_text(names, encoding="utf-8")
    assert read_classes(tmp_path / "data.yaml") == codes


def _json_file(change: Callable[[dict[str, Any]], object]) -> str:
    shape = {"label": "scratch", "shape_type": "polygon", "points": [[0, 0], [3, 0], [3, 3]]}
    document: dict[str, Any] = {"imagePath": "a.png", "imageWidth": 8, "imageHeight": 8, "shapes": [shape, dict(shape)]}
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"shapes": [\n  1,\n}', "line 3, column 1"),
        ("[" * 100_000, "nested or counted too deep"),
        ('{"imagePath": "a", "shapes": [{"label": 1' + "0" * 5000 + "}]}", "nested or counted too deep"),
        (b"\xff\xfe\x00", "UTF-8 (byte 0)"),
        ("[]", "no object"),
        (_json_file(lambda d: d.pop("imagePath")), "imagePath"),
        (_json_file(lambda d: d.update(shapes=[3])), "entry 1 of “shapes”"),
        (_json_file(lambda d: d["shapes"][1].update(points=[[0, 0], [1, 1]])), "shape 2 has 2 points"),
        (_json_file(lambda d: d["shapes"][1].update(points=[[0, float("nan")]] * 3)), "shape 2 holds a number"),
        (_json_file(lambda d: d["shapes"][1].update(points=[[0, 10**400]] * 3)), "shape 2 holds something other"),
        (_json_file(lambda d: d["shapes"][1].update(label="")), "shape 2 names no class"),
        (_json_file(lambda d: d["shapes"][1].update(shape_type="spline")), "shape 2 is of a kind"),
        (
            _json_file(lambda d: d["shapes"][0].update(shape_type="mask", mask="QUJD")),
            "shape 1 holds a mask that is no",
        ),
        (_json_file(lambda d: d.update(imageWidth=10**12)), "would measure"),
    ],
)
def test_a_labelme_file_that_does_not_parse_is_named_with_its_place(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    path = tmp_path / "ä.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        list(labelme.read(path, tmp_path))
    assert words in caught.value.what and caught.value.path == path
    before = path.read_bytes()
    outlet = written(tmp_path, ("labelme", "polygons"), item(np.ones((8, 8), np.uint8), "ä.png"), overwrite=True)
    assert "does not parse" in outlet.left_out[0][1] and path.read_bytes() == before


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        ([], "annotation 9 is a box without an outline"),
        ([[1, 2, 3, 4]], "annotation 9 has 2 points"),
        ({"size": [8, 8], "counts": [3, 4]}, "run lengths end at pixel 7 of 64"),
        ({"size": [8, 8], "counts": [-1, 65]}, "do not fit its size"),
        ({"size": [8, 8], "counts": "~~"}, "damaged at character 1"),
        ({"size": [8, 8], "counts": "o"}, "end too early"),
        ({"size": [9, 9], "counts": [81]}, "is made for 9 x 9 pixels"),
        ({"size": [10**6, 10**6], "counts": [10**12]}, "without a size"),
        ([[100, 100, 120, 100, 120, 120]], "covers no pixel"),
    ],
)
def test_an_annotation_of_coco_that_cannot_be_is_named_and_its_neighbours_are_read(
    tmp_path: Path, outline: object, words: str
) -> None:
    good = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4]]}
    bad = {"id": 9, "image_id": 2, "category_id": 1, "segmentation": outline, "bbox": [0, 0, 1, 1]}
    images = [{"id": number, "file_name": f"{number}.png", "width": 8, "height": 8} for number in (1, 2)]
    document = {"images": images, "annotations": [good, bad], "categories": [{"id": 1, "name": "scratch"}]}
    (tmp_path / "x.json").write_text(json.dumps(document))
    first, second = coco.read(tmp_path / "x.json", tmp_path)
    assert draw(first.shapes, IDS, 8, 8).labels.any()
    if second.fault:
        assert words in second.fault
    else:
        with pytest.raises(InputError, match=words):
            draw(second.shapes, IDS, 8, 8)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, -1, 0, 1e300, "", "a.png", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "size", "counts"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(["labelme", "coco"]), odd=ODD)
def test_one_odd_value_anywhere_in_a_file_is_no_accident(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str, odd: object
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    style = data.draw(st.sampled_from(format_of(name).styles))
    written(folder, (name, style), item(np.eye(5, dtype=np.uint8), "a.png"))
    (path,) = (one for one in folder.rglob("*.json") if one.name[0] != ".")
    document = json.loads(path.read_text())
    at: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = odd
    path.write_text(json.dumps(document))
    try:
        for record in format_of(name).read(path, folder):
            draw(record.shapes, {shape.code: 1 for shape in record.shapes}, 5, 5)
    except InputError as error:
        assert error.what
    outlet = written(folder, (name, style), item(np.ones((5, 5), np.uint8), "a.png"), overwrite=True)
    assert outlet.left_out == [] or path.read_text() == json.dumps(document)


@settings(max_examples=100, deadline=None)
@given(
    content=st.text('0123456789 .-\n{}[]":,abcinfe', max_size=60), name=st.sampled_from(["x.json", "x.txt", "x.csv"])
)
def test_nonsense_is_refused_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, content: str, name: str
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "classes.txt").write_text("a\nb\n")
    (folder / name).write_text(content)
    for used in FORMATS:
        try:
            for record in used.read(folder / name, folder):
                draw(record.shapes, {shape.code: 1 for shape in record.shapes}, 9, 9)
        except InputError as error:
            assert error.what
