"""Work that waits for a thread: each owner's in the order it came, the owners in turn."""

import threading
from collections import deque
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar


class Owned(Protocol):
    """``can_be_refused`` says whether it may be put out for somebody who waits with less."""

    @property
    def owner(self) -> str: ...

    @property
    def can_be_refused(self) -> bool: ...


_Item = TypeVar("_Item", bound=Owned)


class FairQueue(Generic[_Item]):
    """Safe to use from any thread. An owner with much waiting delays only himself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[_Item]] = {}
        """In the order of their turns; no owner without items."""
        self._signals: SimpleQueue[None] = SimpleQueue()
        """One for each item, and more: for items that were removed."""
        self._is_closed = False

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def put(self, item: _Item) -> None:
        with self._lock:
            self._waiting.setdefault(item.owner, deque()).append(item)
        self._signals.put(None)

    def take(self) -> _Item | None:
        """Waits for the next item; ``None`` when the queue is closed and empty."""
        while True:
            self._signals.get()
            with self._lock:
                if self._waiting:
                    return self._pop_in_turn()
                if self._is_closed:
                    self._signals.put(None)
                    return None

    def remove(self, item: _Item) -> bool:
        """Takes an item out; ``False`` if it does not wait any more."""
        with self._lock:
            items = self._waiting.get(item.owner)
            if items is None or item not in items:
                return False
            items.remove(item)
            if not items:
                del self._waiting[item.owner]
            return True

    def to_put_out_for(self, owner: str) -> _Item | None:
        """The item to put out so that ``owner`` may wait: the last one that may be refused of whom
        has the most waiting, if that is more than ``owner`` would then have."""
        with self._lock:
            if not self._waiting:
                return None
            most = max(self._waiting.values(), key=len)
            if len(most) <= len(self._waiting.get(owner, ())) + 1:
                return None
            return next((item for item in reversed(most) if item.can_be_refused), None)

    def close(self) -> list[_Item]:
        """Everything that waited; whoever takes gets ``None`` from now on."""
        with self._lock:
            left = [item for items in self._waiting.values() for item in items]
            self._waiting.clear()
            self._is_closed = True
        self._signals.put(None)
        return left

    def _pop_in_turn(self) -> _Item:
        owner = next(iter(self._waiting))
        items = self._waiting.pop(owner)
        item = items.popleft()
        if items:
            self._waiting[owner] = items
        return item
