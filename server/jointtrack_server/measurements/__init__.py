"""Joint angles from a pose: the registry of measurements and ``measure``."""

from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.measurements.evaluate import measure
from jointtrack_server.measurements.registry import MEASUREMENTS, Kind, MeasurementSpec

__all__ = ["MEASUREMENTS", "Kind", "MeasurementSpec", "measure", "round_degrees"]
