"""How many rows go to a serving endpoint at once: few at first, then as many as it answers in good time.

Large requests are what makes scoring cheap for both sides; a server that is slow, or takes only short requests, gets smaller ones.
"""

from dataclasses import dataclass

FIRST_ROWS = 1_000
MOST_ROWS_AT_ONCE = 50_000
MOST_VALUES_AT_ONCE = 1_000_000  # about 8 MB as bytes, about 20 MB as JSON
GROWTH = 10
GOOD_SECONDS = 3.0  # a request is planned to take no longer, a tenth of the time after which it is given up


def planned_rows(width: int) -> int:
    """Rows of one full request with that many features."""
    return max(1, min(MOST_ROWS_AT_ONCE, MOST_VALUES_AT_ONCE // max(1, width)))


@dataclass
class Pace:
    """The rows of the next request to one endpoint, learned from how long the last ones took."""

    rows: int = FIRST_ROWS
    ceiling: int = MOST_ROWS_AT_ONCE

    def rows_now(self, width: int) -> int:
        """Rows of that many features to send now, at most."""
        return min(self.rows, self.ceiling, planned_rows(width))

    def answered(self, sent: int, seconds: float) -> None:
        """These rows were answered: the next request may be up to ten times as long, if that is fast enough."""
        fitting = max(1, int(sent * GOOD_SECONDS / max(seconds, 1e-6)))
        if fitting < sent:
            self.rows = fitting
        elif sent >= self.rows:  # a short rest says little about long requests
            self.rows = min(fitting, sent * GROWTH, MOST_ROWS_AT_ONCE)

    def refused(self, sent: int) -> None:
        """These rows were too many at once: no later request is that long again."""
        self.rows = self.ceiling = max(1, sent // 2)
