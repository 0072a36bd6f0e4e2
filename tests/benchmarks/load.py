"""`python -m tests.benchmarks.load`: callers that keep their connection and ask again as soon as they were answered.

A process of its own, so that it does not share an interpreter with what it measures. Reads the order from standard input
and writes the latencies to standard output, both as JSON.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from typing import Any


async def caller(order: dict[str, Any], number: int, until: float, found: dict[str, list[Any]]) -> None:
    """One connection; the requests in their order, each caller starting at another one, or each its share once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
    requests = [text.encode() for text in order["requests"]]
    mine = requests[number :: order["callers"]] if order["once"] else cycled(requests, number)
    for request in mine:
        begun = time.perf_counter()
        if begun >= until:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(length_of(head))
        found["seconds"].append(time.perf_counter() - begun)
        if head.split(b" ", 2)[1][:1] != b"2":
            found["refused"].append(head.split(b"\r\n", 1)[0].decode())
        if b"connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
    writer.close()


def cycled(requests: list[bytes], start: int) -> Iterator[bytes]:
    """All of them for ever, from this one on."""
    return itertools.islice(itertools.cycle(requests), start % len(requests), None)


def length_of(head: bytes) -> int:
    """What the answer announces."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise SystemExit(f"An answer without a length: {head[:200]!r}")


async def run(order: dict[str, Any]) -> dict[str, Any]:
    """All callers for that long."""
    found: dict[str, list[Any]] = {"seconds": [], "refused": []}
    begun = time.perf_counter()
    callers = (caller(order, number, begun + order["seconds"], found) for number in range(order["callers"]))
    await asyncio.gather(*callers)
    return {**found, "took": time.perf_counter() - begun}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.stdin.read())))))
