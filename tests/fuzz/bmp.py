"""Changes that keep a BMP file a BMP file: header fields, masks, palette, run lengths."""

import struct

from tests.fuzz.mutate import Chance, changed, near

MAGIC = b"BM"
_FIELDS = {
    "file_bytes": (2, "<I"),
    "pixels_at": (10, "<I"),
    "header_bytes": (14, "<I"),
    "width_px": (18, "<I"),
    "height_px": (22, "<I"),
    "planes": (26, "<H"),
    "bits": (28, "<H"),
    "compression": (30, "<I"),
    "picture_bytes": (34, "<I"),
    "colours": (46, "<I"),
    "important_colours": (50, "<I"),
    "red_mask": (54, "<I"),
    "green_mask": (58, "<I"),
    "blue_mask": (62, "<I"),
    "alpha_mask": (66, "<I"),
}
_KNOWN = {
    "header_bytes": (12, 16, 36, 40, 52, 56, 64, 108, 124),
    "bits": (1, 2, 4, 8, 15, 16, 24, 32, 64),
    "compression": (0, 1, 2, 3, 4, 5, 6, 11, 12),
    "red_mask": (0x7C00, 0xF800, 0xFF0000, 0),
    "green_mask": (0x3E0, 0x7E0, 0xFF00, 0),
    "blue_mask": (0x1F, 0xFF, 0),
    "alpha_mask": (0x8000, 0xFF000000, 0),
}
_RUN_CODES = (b"\0\0", b"\0\1", b"\0\2\5\5", b"\0\2\xff\xff", b"\0\3abc\0", b"\xff\x11", b"\0\xff")


def mutated(bmp: bytes, other: bytes, chance: Chance) -> bytes:
    data = bytearray(bmp.ljust(70, b"\0"))
    pixels_at = min(struct.unpack_from("<I", data, 10)[0], len(data))
    match chance.randrange(6):
        case 0 | 1 | 2:
            for _ in range(chance.choice((1, 1, 2, 3))):
                _change_field(data, chance)
        case 3:
            data[pixels_at:] = changed(bytes(data[pixels_at:]), chance)
        case 4:
            at = chance.randrange(pixels_at, len(data) + 1)
            data[at:at] = b"".join(chance.choices(_RUN_CODES, k=chance.choice((1, 3, 30, 1000))))
        case _:
            # The rows of one file under the header of another.
            from_other = min(int.from_bytes(other[10:14], "little"), len(other))
            data[pixels_at:] = other[from_other:]
    return bytes(data)


def _change_field(data: bytearray, chance: Chance) -> None:
    name = chance.choice(list(_FIELDS))
    at, kind = _FIELDS[name]
    bits = 8 * struct.calcsize(kind)
    (old,) = struct.unpack_from(kind, data, at)
    if name in _KNOWN and chance.random() < 0.7:
        new = chance.choice(_KNOWN[name])
    else:
        new = near(chance, old, bits)
    struct.pack_into(kind, data, at, new & ((1 << bits) - 1))
