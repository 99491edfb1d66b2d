"""Changes that keep a JPEG file a JPEG file: segments, tables, frames, scans, coded data."""

import re
import struct
from typing import NamedTuple

from tests.fuzz.mutate import Chance, changed, near, number, rearranged

MAGIC = b"\xff\xd8\xff"
_SOI, _EOI, _SOS, _DHT, _DQT, _DRI, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xDD, 0xE1, 0xEE
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FACTORS = (0x11, 0x12, 0x21, 0x22, 0x41, 0x14, 0x44, 0x31, 0x13, 0x33, 0x42, 0x24)


class Segment(NamedTuple):
    """``coded`` is what follows a scan's header; ``length`` only where it lies."""

    marker: int
    data: bytes
    coded: bytes = b""
    length: int | None = None

    def written(self) -> bytes:
        length = (len(self.data) + 2) & 0xFFFF if self.length is None else self.length
        return struct.pack(">BBH", 0xFF, self.marker, length) + self.data + self.coded


def split(jpeg: bytes) -> list[Segment]:
    segments, at = [], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != _EOI:
        marker, length = struct.unpack_from(">BH", jpeg, at + 1)
        start, at = at + 4, at + 2 + max(length, 2)
        coded_from = at
        if marker == _SOS:
            found = _MARKER.search(jpeg, at)
            at = found.start() if found else len(jpeg)
        segments.append(Segment(marker, jpeg[start:coded_from], jpeg[coded_from:at]))
    return segments


def joined(segments: list[Segment]) -> bytes:
    body = b"".join(segment.written() for segment in segments)
    return bytes((0xFF, _SOI)) + body + bytes((0xFF, _EOI))


def mutated(jpeg: bytes, other: bytes, chance: Chance) -> bytes:
    segments = split(jpeg)
    if not segments:
        return changed(jpeg, chance)
    at = chance.randrange(len(segments))
    match chance.randrange(11):
        case 0:
            segments = rearranged(segments, split(other), chance)
        case 1:
            segments.insert(at, _extra(chance))
        case 2:
            length = near(chance, len(segments[at].data) + 2, 16)
            segments[at] = segments[at]._replace(length=length)
        case 3:
            segments.insert(at, _hidden(split(other), chance))
        case kind:
            wanted = {4: _FRAMES, 5: _FRAMES, 6: (_SOS,), 7: (_SOS,), 8: (_DHT,), 9: (_DQT,)}
            markers = wanted.get(kind, (segments[at].marker,))
            places = [at for at, one in enumerate(segments) if one.marker in markers]
            if places:
                at = chance.choice(places)
                segments[at] = _segment_changed(segments[at], chance)
    return joined(segments)


def _segment_changed(segment: Segment, chance: Chance) -> Segment:
    if segment.marker in _FRAMES:
        return _frame_changed(segment, chance)
    if segment.marker == _SOS:
        return _scan_changed(segment, chance)
    if segment.marker == _DHT:
        return _codes_changed(segment, chance)
    return segment._replace(data=changed(segment.data, chance))


def _frame_changed(segment: Segment, chance: Chance) -> Segment:
    data = bytearray(segment.data.ljust(9, b"\0"))
    marker = segment.marker
    (height_px, width_px) = struct.unpack_from(">HH", data, 1)
    component = 6 + 3 * chance.randrange(max(1, (len(data) - 6) // 3))
    match chance.randrange(8):
        case 0:
            struct.pack_into(">H", data, 1, near(chance, height_px, 16))
        case 1:
            struct.pack_into(">H", data, 3, near(chance, width_px, 16))
        case 2:
            data[0] = chance.choice((8, 12, 16, 2, number(chance, 8)))
        case 3:
            data[5] = chance.choice((1, 2, 3, 4, 10, number(chance, 8)))
        case 4:
            data[component] = number(chance, 8)
        case 5:
            data[component + 1] = chance.choice((*_FACTORS, number(chance, 8)))
        case 6:
            data[component + 2] = chance.choice((0, 1, 2, 3, number(chance, 8)))
        case _:
            marker = chance.choice(_FRAMES)
    return segment._replace(marker=marker, data=bytes(data))


def _scan_changed(segment: Segment, chance: Chance) -> Segment:
    data, coded = bytearray(segment.data), segment.coded
    match chance.randrange(7):
        case 0 if len(data) >= 3:
            data[-3:] = bytes((number(chance, 6), number(chance, 6), chance.randrange(256)))
        case 1 if data:
            data[0] = chance.choice((0, 1, 2, 3, 4, 5, number(chance, 8)))
        case 2:
            data = bytearray(changed(bytes(data), chance))
        case 3 if coded:
            at = chance.randrange(len(coded))
            marks = bytes((0xFF, 0xD0 + chance.randrange(8))) * chance.choice((1, 1, 2, 50))
            coded = coded[:at] + marks + coded[at:]
        case 4 if coded:
            at = chance.randrange(len(coded))
            coded = coded[:at] + coded[at:].replace(b"\xff\x00", b"\xff\xd0", 1)
        case _:
            for _ in range(chance.choice((1, 1, 3))):
                coded = changed(coded, chance)
    return segment._replace(data=bytes(data), coded=coded)


def _codes_changed(segment: Segment, chance: Chance) -> Segment:
    """A Huffman table: its class and number, how many codes of each length, the symbols."""
    data = bytearray(segment.data.ljust(17, b"\0"))
    match chance.randrange(4):
        case 0:
            data[0] = chance.choice((0x00, 0x01, 0x10, 0x11, 0x03, 0x13, number(chance, 8)))
        case 1:
            data[1 + chance.randrange(16)] = number(chance, 8)
        case 2:
            # As many codes as before, of other lengths.
            counts = list(data[1:17])
            chance.shuffle(counts)
            data[1:17] = bytes(counts)
        case _:
            if len(data) > 17:
                data[17 + chance.randrange(len(data) - 17)] = chance.randrange(256)
    return segment._replace(data=bytes(data))


def _hidden(segments: list[Segment], chance: Chance) -> Segment:
    """Another file's segments, skipped by whoever reads a length where there may be none."""
    for at, segment in enumerate(segments):
        if segment.marker in _FRAMES:
            segments[at] = _frame_changed(segment, chance)
    marker = chance.choice((0x00, 0x01, *range(0xD0, 0xD9), number(chance, 8)))
    return Segment(marker, b"".join(segment.written() for segment in segments))


def _extra(chance: Chance) -> Segment:
    order, entry = chance.choice(((b"II*\0", "<HHIII"), (b"MM\0*", ">HHIII")))
    directory = struct.pack(
        entry, 0x0112, number(chance, 16), number(chance, 32), number(chance, 32), 0
    )
    exif = order + number(chance, 32).to_bytes(4, "big") + directory
    table = bytes([chance.choice((0, 1, 0x10, 0x13))]) + chance.randbytes(64)
    frame = struct.pack(">BHHB", 8, number(chance, 16), number(chance, 16), 3) + bytes(
        (1, chance.choice(_FACTORS), 0, 2, chance.choice(_FACTORS), 1, 3, 0x11, 1)
    )
    makers = (
        Segment(_DRI, number(chance, 16).to_bytes(2, "big")),
        Segment(_APP14, b"Adobe\0\x64\0\0\0\0" + bytes([chance.choice((0, 1, 2, 3, 255))])),
        Segment(_APP1, b"Exif\0\0" + exif),
        Segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1" + bytes((number(chance, 8), number(chance, 8)))),
        Segment(0xE2, b"ICC_PROFILE\0" + chance.randbytes(40)),
        Segment(0xFE, chance.randbytes(chance.choice((0, 10, 5000)))),
        Segment(0xDC, number(chance, 16).to_bytes(2, "big")),
        Segment(0xCC, chance.randbytes(2 * chance.choice((1, 4)))),
        Segment(_DQT, table),
        Segment(_DHT, bytes([chance.choice((0, 0x10))]) + bytes(16)),
        Segment(chance.choice(_FRAMES), frame),
        Segment(_SOS, b"\1\1\0\0\x3f\0", chance.randbytes(50).replace(b"\xff", b"\xfe")),
        Segment(number(chance, 8), chance.randbytes(8)),
    )
    return chance.choice(makers)
