"""Changes that keep a PNG file a PNG file: chunks with true checksums, scan lines, fields."""

import struct
import zlib
from typing import NamedTuple

from tests.fuzz.mutate import Chance, changed, near, number, rearranged

MAGIC = b"\x89PNG\r\n\x1a\n"
_MAX_SCAN_LINES_BYTES = 1 << 20


class Chunk(NamedTuple):
    """``length`` and ``checksum`` only where they lie."""

    kind: bytes
    data: bytes
    length: int | None = None
    checksum: int | None = None

    def written(self) -> bytes:
        length = len(self.data) if self.length is None else self.length
        checksum = zlib.crc32(self.kind + self.data) if self.checksum is None else self.checksum
        return struct.pack(">I", length) + self.kind + self.data + struct.pack(">I", checksum)


def split(png: bytes) -> list[Chunk]:
    chunks, at = [], len(MAGIC)
    while at + 12 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        chunks.append(Chunk(kind, png[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def joined(chunks: list[Chunk]) -> bytes:
    return MAGIC + b"".join(chunk.written() for chunk in chunks)


def mutated(png: bytes, other: bytes, chance: Chance) -> bytes:
    chunks = split(png)
    if not chunks:
        return changed(png, chance)
    match chance.randrange(8):
        case 0 | 1:
            chunks = _header_changed(chunks, chance)
        case 2 | 3:
            chunks = _scan_lines_changed(chunks, chance)
        case 4:
            chunks = rearranged(chunks, split(other), chance)
        case 5:
            at = chance.randrange(len(chunks))
            chunks[at] = chunks[at]._replace(data=changed(chunks[at].data, chance))
        case 6:
            chunks.insert(chance.randrange(1, len(chunks) + 1), _extra(chance))
        case _:
            at = chance.randrange(len(chunks))
            if chance.random() < 0.5:
                chunks[at] = chunks[at]._replace(length=near(chance, len(chunks[at].data), 32))
            else:
                chunks[at] = chunks[at]._replace(checksum=number(chance, 32))
    return joined(chunks)


def _header_changed(chunks: list[Chunk], chance: Chance) -> list[Chunk]:
    header = bytearray(chunks[0].data.ljust(13, b"\0"))
    width_px, height_px = struct.unpack_from(">II", header)
    for _ in range(chance.choice((1, 1, 2))):
        match chance.randrange(6):
            case 0:
                struct.pack_into(">I", header, 0, near(chance, width_px, 32))
            case 1:
                struct.pack_into(">I", header, 4, near(chance, height_px, 32))
            case 2:
                header[8] = chance.choice((1, 2, 4, 8, 16, 16, number(chance, 8)))
            case 3:
                header[9] = chance.choice((0, 2, 3, 4, 6, number(chance, 8)))
            case 4:
                header[12] = chance.choice((0, 1, 1, number(chance, 8)))
            case _:
                header[chance.choice((10, 11))] = number(chance, 8)
    return [chunks[0]._replace(data=bytes(header)), *chunks[1:]]


def _scan_lines_changed(chunks: list[Chunk], chance: Chance) -> list[Chunk]:
    """Other filters and pixels, compressed again, in one chunk or in many."""
    places = [at for at, chunk in enumerate(chunks) if chunk.kind == b"IDAT"]
    if not places:
        return [*chunks, Chunk(b"IDAT", zlib.compress(chance.randbytes(2000), 1))]
    packed = b"".join(chunks[at].data for at in places)
    try:
        lines = zlib.decompressobj().decompress(packed, _MAX_SCAN_LINES_BYTES)
    except zlib.error:
        lines = packed
    for _ in range(chance.choice((1, 2, 4))):
        lines = changed(lines, chance)
    packed = zlib.compress(lines, chance.choice((0, 1, 9)))
    if chance.random() < 0.2:
        packed = changed(packed, chance)
    pieces = [packed]
    if chance.random() < 0.3:
        step = max(1, len(packed) // chance.choice((2, 5, 50)))
        pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    rest = [chunk for chunk in chunks[places[0] :] if chunk.kind != b"IDAT"]
    return [*chunks[: places[0]], *(Chunk(b"IDAT", piece) for piece in pieces), *rest]


def _numbers(chance: Chance, *bits: int) -> bytes:
    return b"".join(number(chance, size).to_bytes(size // 8, "big") for size in bits)


def _extra(chance: Chance) -> Chunk:
    """A chunk that libpng reads, or one of a name that it does not know."""
    text = b"key\0" + chance.randbytes(20)
    packed = b"key\0\0" + zlib.compress(chance.randbytes(50) * chance.choice((1, 100, 20_000)), 1)
    makers = {
        b"PLTE": chance.randbytes(3 * chance.choice((0, 1, 2, 16, 255, 256, 257))),
        b"tRNS": chance.randbytes(chance.choice((0, 1, 2, 6, 16, 256, 257))),
        b"gAMA": _numbers(chance, 32),
        b"cHRM": _numbers(chance, *[32] * 8),
        b"sRGB": _numbers(chance, 8),
        b"cICP": _numbers(chance, 8, 8, 8, 8),
        b"mDCV": _numbers(chance, *[16] * 8, 32, 32),
        b"cLLI": _numbers(chance, 32, 32),
        b"sBIT": _numbers(chance, *[8] * chance.randrange(1, 5)),
        b"bKGD": _numbers(chance, *[8] * chance.choice((1, 2, 6))),
        b"hIST": chance.randbytes(2 * chance.choice((1, 16, 256))),
        b"pHYs": _numbers(chance, 32, 32, 8),
        b"tIME": chance.randbytes(7),
        b"oFFs": _numbers(chance, 32, 32, 8),
        b"sCAL": b"\1" + b"1.5\0" + chance.randbytes(3),
        b"pCAL": b"name\0" + _numbers(chance, 32, 32, 8, 8) + b"unit\0" + b"1\0" + b"2",
        b"sPLT": b"name\0" + bytes([chance.choice((8, 16))]) + chance.randbytes(60),
        b"tEXt": text,
        b"zTXt": packed,
        b"iTXt": b"key\0\1\0en\0word\0" + packed[5:],
        b"iCCP": packed,
        b"eXIf": b"MM\0*" + _numbers(chance, 32) + b"\0\1\1\x12\0\3\0\0\0\1\0\6\0\0" + b"\0" * 4,
        b"acTL": _numbers(chance, 32, 32),
        b"fcTL": _numbers(chance, 32, 32, 32, 32, 32, 16, 16, 8, 8),
        b"fdAT": b"\0\0\0\1" + zlib.compress(chance.randbytes(100), 1),
        b"IDAT": zlib.compress(chance.randbytes(100), 1),
        b"IEND": b"",
        b"IHDR": _numbers(chance, 32, 32, 8, 8, 8, 8, 8),
        chance.randbytes(4): chance.randbytes(10),
    }
    kind = chance.choice(list(makers))
    return Chunk(kind, makers[kind])
