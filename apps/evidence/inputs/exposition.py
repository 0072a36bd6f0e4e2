"""What a serving system says of itself in the Prometheus text format: here, how much memory it uses.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. Names are those that MLServer and other
Python servers (prometheus_client) and Triton expose.
"""

import math
import re

SERIES = re.compile(rb"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{[^\n]*\})?[ \t]+([^ \t\r\n]+)", re.MULTILINE)
MEMORY = (b"process_resident_memory_bytes", b"nv_cpu_memory_used_bytes")


def memory_said(text: bytes) -> float | None:
    """Bytes in use: the first of the known names that is exposed, summed over its series (processes). None without one."""
    found: dict[bytes, float] = {}
    for name, said in SERIES.findall(text):
        if name in MEMORY and (number := _number(said)) is not None:
            found[name] = found.get(name, 0.0) + number
    return next((found[name] for name in MEMORY if name in found), None)


def _number(said: bytes) -> float | None:
    try:
        number = float(said)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
