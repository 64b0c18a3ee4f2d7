"""Pictures in and out: the only place in Flawscope that decodes or encodes an image.

Rules that the rest of the house relies on
------------------------------------------
* A format is recognised by content, never by name. An image with a wrong extension loads, with a note
  (`ImageInfo.notes`); anything that is not PNG, JPEG, BMP, TIFF or WebP inside is refused.
* The orientation tag (EXIF or TIFF, 1 to 8) is applied exactly once, on decoding. Every coordinate in Flawscope is
  in the oriented image.
* **Masks are in oriented image coordinates.** A mask is painted on the picture as a person sees it, so a mask file
  without a tag is taken as it is; a mask file that carries a tag of its own is turned by its own tag. Either way the
  mask lies on what `decode` returns.
* Transparency is composited over black. Colour profiles are not applied: raw numbers are what was measured.
* 16-bit pixels stay 16-bit until a fixed `Window` of the view makes them 8-bit; nothing is ever stretched per image.
* Sizes are checked from the header before a pixel is decoded. Whatever is wrong with a file ends in one `ImageError`
  that names it; a damaged file is never half an image. JPEG, WebP, BMP and plain TIFF carry no checksum: a
  flipped bit that leaves a valid stream cannot be told from the picture, which is why the project also keeps SHA-256.
"""

from core.imaging.common import FORMAT_SUFFIXES, SUFFIXES, ImageInfo, Limits
from core.imaging.masks import decode_mask
from core.imaging.reading import decode, load_rgb8, probe, thumbnail
from core.imaging.window import Window, guess_window, to_rgb8
from core.imaging.writing import encode_png, save_png

__all__ = [
    "FORMAT_SUFFIXES",
    "SUFFIXES",
    "ImageInfo",
    "Limits",
    "Window",
    "decode",
    "decode_mask",
    "encode_png",
    "guess_window",
    "load_rgb8",
    "probe",
    "save_png",
    "thumbnail",
    "to_rgb8",
]
