"""Celery's filesystem broker with messages that appear whole.

kombu's own transport opens the file in the queue's folder before it writes, so a worker can take it while it is still
empty, and falls over it. Here a message is written under another name first and then renamed, and a taken message stays
in the product's own folder instead of the machine's shared one.
"""

import os
import uuid
from queue import Empty
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """One connection to the folder."""

    # kombu's own filesystem channel names this argument otherwise than its base does, so no name fits both
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Write a message beside the queue, then rename it into it: readers see all of it or nothing."""
        name = f"{monotonic_ns() // 1_000_000:016d}_{uuid.uuid4()}.{queue}.msg"
        draft = os.path.join(self.data_folder_out, f"{name}.draft")
        with open(draft, "w", encoding="utf-8") as file:
            file.write(dumps(payload))
        os.rename(draft, os.path.join(self.data_folder_out, name))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Take the oldest message of a queue. The rename decides who gets it when several workers try."""
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = os.path.join(self.data_folder_in, f"{name}.taken-{uuid.uuid4().hex}")
            try:
                os.rename(os.path.join(self.data_folder_in, name), taken)
            except FileNotFoundError:
                continue
            with open(taken, encoding="utf-8") as file:
                message = loads(file.read())
            os.remove(taken)
            return message
        raise Empty


class Transport(filesystem.Transport):
    """What `filesystem://` means in this product."""

    Channel = Channel
    # kombu keeps one state for all connections of a process; ours needs its own, because the class is another one
    global_state = filesystem.virtual.BrokerState()
