"""`manage.py sequencer`: gives entries their place within a second, signs checkpoints, wakes the consumers.

It looks for new entries four times a second instead of being notified: NOTIFY takes a lock for the length of every
commit, which would make all writers of the product wait for each other.
"""

import signal
import threading
import time
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from apps.audit import consumers, queries, services
from apps.audit.models import Cursor
from apps.core.errors import ProductError

log = structlog.get_logger(__name__)

PAUSE = 0.25
CHECKPOINT_EVERY = 1.0
SIGN_OF_LIFE_EVERY = 5.0


class Command(BaseCommand):
    help = "Give log entries their place, sign checkpoints and wake the consumers, until SIGTERM or SIGINT."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="place what waits, sign, consume, and end")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        """Run until told to stop; a database that is away is waited for."""
        if once:
            services.sequence_all()
            services.sign_checkpoint()
            consumers.consume()
            return
        Sequencer().run()


class Sequencer:
    """The loop, with the consumers in a thread beside it, so that a slow one never delays an entry."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.woken = threading.Event()
        self.signed = self.seen = 0.0
        self.trouble = ""
        self.has_adopted = False
        self.clocks = services.Clocks()

    def run(self) -> None:
        """Sequence until a signal comes; then place and sign what is left."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        reader = threading.Thread(target=self.read, name="consumers", daemon=True)
        reader.start()
        while not self.stopping.is_set():
            self.turn()
            self.stopping.wait(PAUSE)
        self.signed = 0.0
        self.turn()
        self.woken.set()
        reader.join(timeout=5)

    def turn(self) -> None:
        """One look: place, sign when due, leave a sign of life. A log that is damaged is told, never mended here."""
        try:
            self.notice(self.attempt())
            if time.monotonic() - self.seen >= SIGN_OF_LIFE_EVERY:
                self.leave_sign_of_life()
        except (OperationalError, InterfaceError) as error:
            log.warning("sequencer_database", error=str(error).splitlines()[0] if str(error) else "")
            connection.close()
            self.stopping.wait(1)

    def attempt(self) -> str:
        """Place and sign; what keeps it from doing so, in a sentence, empty when nothing does."""
        try:
            self.place_and_sign()
        except ProductError as refused:
            self.stopping.wait(1)
            return refused.detail
        return ""

    def place_and_sign(self) -> None:
        """Place what waits; once a second sign the head when it moved."""
        if not self.has_adopted:
            services.adopt_lost_entries()
            services.note_settings()
            self.has_adopted = True
        if services.sequence_all():
            self.woken.set()
        if time.monotonic() - self.signed >= CHECKPOINT_EVERY or self.trouble:
            self.signed = time.monotonic()
            services.sign_checkpoint()

    def notice(self, trouble: str) -> None:
        """Say once what keeps the log from being signed; the audit page shows it at the next sign of life."""
        if trouble != self.trouble:
            if trouble:
                log.error("log_not_signed", reason=trouble)
            self.trouble, self.seen = trouble, 0.0

    def leave_sign_of_life(self) -> None:
        """The row that /readyz and the audit page read."""
        self.seen = time.monotonic()
        self.clocks.look()
        Cursor.objects.update_or_create(
            name=queries.SEQUENCER,
            defaults={"moved_at": timezone.now(), "error": self.trouble, "next_seq": queries.tree_size()},
        )

    def read(self) -> None:
        """Let the consumers read whenever something was placed, and every few seconds for those that had failed."""
        while not self.stopping.is_set():
            self.woken.wait(2)
            self.woken.clear()
            try:
                consumers.consume()
            except (OperationalError, InterfaceError) as error:
                log.warning("consumers_database", error=str(error).splitlines()[0] if str(error) else "")
                close_old_connections()
                self.stopping.wait(1)
        connection.close()
