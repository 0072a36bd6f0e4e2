"""`manage.py export_tiles FOLDER`: the log as a folder of C2SP tlog-tiles, for a web server, an archive or a tool of others."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit import queries
from apps.audit.tiles import tiles_of
from apps.core.files import write_whole


class Command(BaseCommand):
    help = "Write the log up to its newest signed head as C2SP tlog-tiles. Files that are there already are kept."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="where to; the same folder may be given again")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Tiles first, the head last, so that a reader never sees a head without its tiles."""
        head = queries.latest_checkpoint()
        if head is None:
            raise CommandError("The log has no signed head yet. It gets one within seconds of its first entry.")
        written = 0
        for tile in tiles_of(head.size):
            path = folder / "tile" / tile.name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, queries.tile(tile.name))
                written += 1
        write_whole(folder / "checkpoint", head.note.encode())
        self.stdout.write(f"{written} new tiles; the head of {head.size} entries is in {folder / 'checkpoint'}.")
