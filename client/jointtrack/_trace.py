"""The caller's trace, for programs that use OpenTelemetry. It is not imported here otherwise."""

import sys


def trace_fields() -> tuple[tuple[str, str], ...]:
    """What its propagators write of the trace that the caller is in; nothing outside of one."""
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate  # noqa: PLC0415

    fields: dict[str, str] = {}
    propagate.inject(fields)
    return tuple((name.lower(), value) for name, value in fields.items())
