"""Changes that fit any file, and the draws that the changes by format share."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

Chance = random.Random
"""Every draw of a run comes from one of these, so that a seed and a number give the same file."""

INTERESTING = (
    *(0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 63, 64, 100, 127, 128, 192, 254, 255, 256, 257),
    *(0x3FFF, 0x4000, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF, 0x10000, 0x10001),
    *(0xFFFFFF, 0x1000000, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFE, 0x7FFFFFFF),
    *(0x80000000, 0x80000001, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF),
)
"""Edges of integer types and of what arithmetic on sizes overflows at."""

MAX_GROWN_BYTES = 1 << 16

Part = TypeVar("Part")


def number(chance: Chance, bits: int) -> int:
    """An unsigned number of ``bits`` bits, often on an edge."""
    mask = (1 << bits) - 1
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(INTERESTING) & mask
    if kind < 0.75:
        return chance.randrange(1 << min(bits, 9)) & mask
    return chance.getrandbits(bits)


def near(chance: Chance, value: int, bits: int) -> int:
    """A number beside ``value``, or any of ``number``."""
    mask = (1 << bits) - 1
    if chance.random() < 0.5:
        return number(chance, bits)
    return chance.choice((value + 1, value - 1, value * 2, value // 2, -value, value ^ 1)) & mask


def flip_bits(data: bytearray, chance: Chance) -> None:
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def set_bytes(data: bytearray, chance: Chance) -> None:
    for _ in range(chance.choice((1, 1, 2, 8, 32))):
        data[chance.randrange(len(data))] = chance.randrange(256)


def put_number(data: bytearray, chance: Chance) -> None:
    """Overwrites 1 to 4 bytes with a number, in either byte order."""
    size = chance.choice((1, 2, 2, 3, 4, 4))
    at = chance.randrange(len(data))
    order = chance.choice(("little", "big"))
    written = number(chance, 8 * size).to_bytes(size, "big")
    data[at : at + size] = written if order == "big" else written[::-1]


def truncate(data: bytearray, chance: Chance) -> None:
    del data[chance.randrange(1, len(data) + 1) :]


def remove(data: bytearray, chance: Chance) -> None:
    start = chance.randrange(len(data))
    end = start + chance.choice((1, 1, 2, 4, chance.randrange(1, len(data) + 1)))
    if end - start < len(data):
        del data[start:end]


def insert(data: bytearray, chance: Chance) -> None:
    at = chance.randrange(len(data) + 1)
    size = chance.choice((1, 2, 4, 8, 64, 1000))
    filling = chance.choice((b"\0", b"\xff", None))
    data[at:at] = filling * size if filling else chance.randbytes(size)


def repeat(data: bytearray, chance: Chance) -> None:
    """A piece of the file once or many times more."""
    start = chance.randrange(len(data))
    piece = data[start : start + chance.choice((1, 2, 4, 16, 100, 1000))]
    times = min(chance.choice((1, 1, 2, 10, 1000)), MAX_GROWN_BYTES // len(piece))
    data[start:start] = piece * times


def fill(data: bytearray, chance: Chance) -> None:
    start = chance.randrange(len(data))
    size = min(chance.choice((2, 8, 50, 500)), len(data) - start)
    data[start : start + size] = bytes([chance.choice((0, 0xFF, chance.randrange(256)))]) * size


def shuffle(data: bytearray, chance: Chance) -> None:
    start = chance.randrange(len(data))
    piece = list(data[start : start + chance.choice((4, 16, 200))])
    chance.shuffle(piece)
    data[start : start + len(piece)] = bytes(piece)


CHANGES: Sequence[Callable[[bytearray, Chance], None]] = (
    *(flip_bits, flip_bits, set_bytes, set_bytes, put_number, put_number),
    *(truncate, remove, insert, repeat, fill, shuffle),
)


def changed(data: bytes, chance: Chance) -> bytes:
    """One change that knows nothing of the format; nothing stays nothing."""
    result = bytearray(data)
    if result:
        chance.choice(CHANGES)(result, chance)
    return bytes(result)


def spliced(first: bytes, second: bytes, chance: Chance) -> bytes:
    """The beginning of one file and the end of another."""
    return first[: chance.randrange(len(first) + 1)] + second[chance.randrange(len(second) + 1) :]


def rearranged(parts: Sequence[Part], other: Sequence[Part], chance: Chance) -> list[Part]:
    """The parts of a file with one taken out, repeated, moved, or taken over from another file."""
    result = list(parts)
    if not result:
        return list(other)
    at, to = chance.randrange(len(result)), chance.randrange(len(result) + 1)
    match chance.randrange(5):
        case 0:
            del result[at]
        case 1:
            result[to:to] = [result[at]] * chance.choice((1, 1, 2, 5, 110, 500))
        case 2:
            part = result.pop(at)
            result.insert(min(to, len(result)), part)
        case 3 if other:
            result.insert(to, chance.choice(other))
        case _:
            if other:
                result[at] = chance.choice(other)
    return result
