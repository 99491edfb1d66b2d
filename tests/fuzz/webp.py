"""Changes that keep a WebP file a WebP file: chunks, canvas, flags, frames of both codecs."""

import struct
from typing import NamedTuple

from tests.fuzz.mutate import Chance, changed, near, number, rearranged

MAGIC = b"RIFF"
_HEADER_BYTES = {b"VP8 ": 10, b"VP8L": 5, b"ALPH": 1, b"ANMF": 16, b"ANIM": 6, b"VP8X": 10}


class Chunk(NamedTuple):
    """``length`` only where it lies."""

    kind: bytes
    data: bytes
    length: int | None = None

    def written(self) -> bytes:
        length = len(self.data) if self.length is None else self.length
        return self.kind + struct.pack("<I", length) + self.data + b"\0" * (len(self.data) % 2)


def split(data: bytes, at: int = 12) -> list[Chunk]:
    chunks = []
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        chunks.append(Chunk(kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def joined(chunks: list[Chunk], lie: int = 0) -> bytes:
    body = b"WEBP" + b"".join(chunk.written() for chunk in chunks)
    return MAGIC + struct.pack("<I", (len(body) - lie) & 0xFFFFFFFF) + body


def mutated(webp: bytes, other: bytes, chance: Chance) -> bytes:
    chunks = split(webp)
    if not chunks:
        return changed(webp, chance)
    at = chance.randrange(len(chunks))
    match chance.randrange(9):
        case 0:
            chunks = rearranged(chunks, split(other), chance)
        case 1:
            chunks.insert(chance.randrange(len(chunks) + 1), _extra(chance))
        case 2:
            chunks[at] = chunks[at]._replace(length=near(chance, len(chunks[at].data), 32))
        case 3:
            return joined(chunks, chance.choice((1, 2, 8, 100, -1, number(chance, 32))))
        case 4 if chunks[0].kind != b"VP8X":
            chunks.insert(0, _extended(chance))
        case _:
            chunks[at] = _changed_chunk(chunks[at], split(other), chance)
    return joined(chunks)


def _changed_chunk(chunk: Chunk, others: list[Chunk], chance: Chance) -> Chunk:
    """Its header's fields, its coded data, or for a frame of an animation the chunks inside."""
    header = _HEADER_BYTES.get(chunk.kind, 0)
    if chunk.kind == b"ANMF" and chance.random() < 0.5:
        inner = rearranged(split(chunk.data, header), others, chance)
        if inner and chance.random() < 0.7:
            at = chance.randrange(len(inner))
            inner[at] = inner[at]._replace(data=changed(inner[at].data, chance))
        return chunk._replace(data=chunk.data[:header] + b"".join(one.written() for one in inner))
    if header and chance.random() < 0.5:
        return chunk._replace(data=_header_changed(chunk, header, chance))
    coded = chunk.data[header:]
    for _ in range(chance.choice((1, 1, 3))):
        coded = changed(coded, chance)
    return chunk._replace(data=chunk.data[:header] + coded)


def _header_changed(chunk: Chunk, header: int, chance: Chance) -> bytes:
    data = bytearray(chunk.data.ljust(header, b"\0"))
    if chunk.kind == b"VP8 " and chance.random() < 0.6:
        # Size and scale, 14 and 2 bits each; or the frame tag: key frame, profile, partition.
        place = chance.choice((6, 8))
        old = int.from_bytes(data[place : place + 2], "little")
        data[place : place + 2] = near(chance, old, 16).to_bytes(2, "little")
    elif chunk.kind in (b"VP8X", b"ANMF") and chance.random() < 0.6:
        place = chance.choice((4, 7) if chunk.kind == b"VP8X" else (0, 3, 6, 9, 12))
        old = int.from_bytes(data[place : place + 3], "little")
        data[place : place + 3] = near(chance, old, 24).to_bytes(3, "little")
    else:
        data[chance.randrange(header)] = number(chance, 8)
    return bytes(data)


def _extended(chance: Chance) -> Chunk:
    """The chunk that says there are alpha, animation or metadata."""
    sides = b"".join(near(chance, 60, 24).to_bytes(3, "little") for _ in range(2))
    return Chunk(b"VP8X", bytes([chance.randrange(256), 0, 0, 0]) + sides)


def _extra(chance: Chance) -> Chunk:
    exif = b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0" + number(chance, 32).to_bytes(4, "little")
    makers = (
        _extended(chance),
        Chunk(b"ALPH", bytes([chance.randrange(256)]) + chance.randbytes(100)),
        Chunk(b"ANIM", chance.randbytes(6)),
        Chunk(b"ANMF", chance.randbytes(16) + Chunk(b"VP8L", chance.randbytes(60)).written()),
        Chunk(b"EXIF", exif),
        Chunk(b"ICCP", chance.randbytes(30)),
        Chunk(b"XMP ", chance.randbytes(30)),
        Chunk(b"VP8L", b"\x2f" + chance.randbytes(80)),
        Chunk(b"VP8 ", b"\x10\2\0\x9d\1\x2a\x3d\0\x2b\0" + chance.randbytes(200)),
        Chunk(chance.randbytes(4), chance.randbytes(9)),
    )
    return chance.choice(makers)
