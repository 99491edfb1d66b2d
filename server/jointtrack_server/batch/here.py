"""The backend of one machine: all its CPUs, in this process."""

from collections.abc import Generator

from jointtrack_server.batch.chunks import Chunk
from jointtrack_server.batch.measure import Measurer
from jointtrack_server.batch.plan import Plan
from jointtrack_server.batch.source import Source
from jointtrack_server.batch.todo import ToDo
from jointtrack_server.cpus import available_cpus


class Here:
    """``workers``: threads; None for two a CPU. Raises StartupError."""

    def __init__(self, plan: Plan, source: Source, workers: int | None) -> None:
        self._measurer = Measurer(plan, source, cpus=available_cpus(), threads=workers)

    def measure(self, todo: ToDo) -> Generator[Chunk, None, None]:
        return self._measurer.measure(todo.files())

    def stop(self) -> None:
        """Files under way are given up, and no other is begun."""
        self._measurer.stop()

    def close(self) -> None:
        self._measurer.close()
