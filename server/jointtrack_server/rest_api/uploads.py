"""How much of the callers' bodies is held at once."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.retry_after import SOON_S


@dataclass(slots=True)
class _Share:
    """What the uploads of one caller, or of all, hold together."""

    max_bytes: int
    uploads: int = 0
    held_bytes: int = 0

    def check(self, size_bytes: int) -> None:
        """An upload that is alone is never refused."""
        if self.uploads > 1 and self.held_bytes + size_bytes > self.max_bytes:
            raise JointTrackError(
                Reason.OVERLOADED,
                "The server is busy: the requests under way have more than "
                f"{self.max_bytes} bytes. Try again in {SOON_S:.0f} s.",
                metadata={"max_upload_bytes": self.max_bytes},
                retry_after_s=SOON_S,
            )


class Uploads:
    """Holds at most ``max_bytes``, of one caller half as many. Of the event loop only."""

    def __init__(self, max_bytes: int) -> None:
        self._all = _Share(max_bytes)
        self._owners: defaultdict[str, _Share] = defaultdict(lambda: _Share(max_bytes // 2))

    @property
    def held_bytes(self) -> int:
        return self._all.held_bytes

    @contextmanager
    def open(self, owner: str) -> Iterator["Upload"]:
        """An upload of ``owner``; what it holds is given back at the end."""
        upload = Upload((self._owners[owner], self._all))
        for share in upload.shares:
            share.uploads += 1
        try:
            yield upload
        finally:
            for share in upload.shares:
                share.uploads -= 1
                share.held_bytes -= upload.held_bytes
            if not self._owners[owner].uploads:
                del self._owners[owner]


@dataclass(slots=True)
class Upload:
    """One body on its way."""

    shares: tuple[_Share, ...]
    held_bytes: int = 0

    def hold(self, size_bytes: int) -> None:
        """Counts bytes that have arrived. Raises JointTrackError OVERLOADED."""
        for share in self.shares:
            share.check(size_bytes)
        for share in self.shares:
            share.held_bytes += size_bytes
        self.held_bytes += size_bytes
