"""Any protobuf message of a kind, and bytes that were one before they were damaged."""

import random
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from tests.fuzz.mutate import INTERESTING, changed, spliced

Known = Callable[[str], st.SearchStrategy[Any] | None]
"""What fits into fields of a name, if anything is known of it."""

_MAX_REPEATED = 20
_MAX_DEPTH = 5
_LONG_TEXTS = st.sampled_from(("x" * 5000, "é" * 5000, "\x00" * 300, "\U0001f9b5" * 3000))

_JUNK = (
    b"\xff" * 20,
    b"\x0a\xff\xff\xff\xff\x0f",
    b"\x0b" * 3000,
    b"\x0b" * 50 + b"\x0c" * 50,
    b"\x08" + b"\x80" * 12,
    b"\x12" * 2000,
    b"\x0f\x00",
    b"\x00",
    b"\xfa\xff\xff\xff\x0f\x03abc",
)


def _edges(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    fitting = [value for value in INTERESTING if value <= high]
    edges = st.sampled_from([*fitting, low, high, *([-1] if signed else [])])
    return st.integers(-1 if signed else 0, 20) | edges | st.integers(low, high)


_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_INT32: _edges(32, signed=True),
    FieldDescriptor.CPPTYPE_INT64: _edges(64, signed=True),
    FieldDescriptor.CPPTYPE_UINT32: _edges(32, signed=False),
    FieldDescriptor.CPPTYPE_UINT64: _edges(64, signed=False),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 20) | _edges(32, signed=True),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32) | st.floats(0, 700, width=32),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
}


@st.composite
def any_message(
    draw: st.DrawFn, descriptor: Descriptor, known: Known, *, wild: bool = True, depth: int = 0
) -> Message:
    """Nearly all fields set, to values that fit; in a ``wild`` one fewer, and now and then to any
    other value."""
    message: Message = GetMessageClass(descriptor)()
    for field in draw(_fields(descriptor, missing_of_20=6 if wild else 1)):
        if depth >= _MAX_DEPTH:
            break
        values = _values(field, known, wild=wild, depth=depth)
        if field.is_repeated:
            unique = None if field.message_type or wild else _itself
            longest = 3 if field.message_type else _MAX_REPEATED
            listed = st.lists(values, min_size=not wild, max_size=longest, unique_by=unique)
            getattr(message, field.name).extend(draw(listed))
        elif field.message_type:
            getattr(message, field.name).CopyFrom(draw(values))
        else:
            setattr(message, field.name, draw(values))
    return message


def _itself(value: Any) -> Any:
    return value


@st.composite
def _fields(draw: st.DrawFn, descriptor: Descriptor, missing_of_20: int) -> list[FieldDescriptor]:
    """Of those that exclude each other one."""
    choices = [draw(st.sampled_from(list(oneof.fields))) for oneof in descriptor.oneofs]
    alone = [field for field in descriptor.fields if field.containing_oneof is None]
    return [field for field in (*alone, *choices) if draw(st.integers(1, 20)) > missing_of_20]


def _values(
    field: FieldDescriptor, known: Known, *, wild: bool, depth: int
) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return any_message(field.message_type, known, wild=wild, depth=depth + 1)
    if field.type == FieldDescriptor.TYPE_BYTES:
        values: st.SearchStrategy[Any] = st.binary(max_size=200)
    elif field.type == FieldDescriptor.TYPE_STRING:
        values = st.text(st.characters(codec="utf-8"), max_size=20) | _LONG_TEXTS
    else:
        values = _SCALARS[field.cpp_type]
    fitting = known(field.name)
    if fitting is None:
        return values
    return st.one_of(*[fitting] * 9, values) if wild else fitting


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """What was a message: changed bytes, two in one, or what never was one."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(_JUNK))
    chance = random.Random(draw(st.integers(0, 2**32)))
    data = draw(whole)
    if draw(st.integers(0, 9)) == 0:
        return spliced(data, draw(whole), chance)
    for _ in range(draw(st.integers(1, 3))):
        data = changed(data, chance)
    return data
