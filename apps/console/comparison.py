"""Two versions side by side, in words. Pure: contents in, differences out; equal rows are counted, not shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.templatetags.ui import percent

HIGHER_IS_BETTER = tuple("auc accuracy precision recall f1 gini ratio coverage k_anonymity smallest_group".split())
LOWER_IS_BETTER = tuple(
    "brier log_loss loss error mae rmse difference gap drift psi proxy unique latency missing".split()
)
BETTER, WORSE, NEUTRAL = "is-ok", "is-bad", ""


@dataclass(frozen=True)
class Difference:
    """One row: what it is, before, after, and the change in a word with its tone."""

    name: str
    before: str
    after: str
    change: str
    tone: str = NEUTRAL

    @property
    def is_same(self) -> bool:
        """Whether both sides are equal."""
        return self.before == self.after


@dataclass(frozen=True)
class Section:
    """Differences of one kind, with how many rows are equal."""

    key: str
    title: str
    rows: tuple[Difference, ...]
    equal: int


def section(key: str, title: str, rows: Iterable[Difference], *, show_equal: bool = False) -> Section:
    """The rows that differ (all of them on request) and the count of the equal ones."""
    listed = list(rows)
    shown = listed if show_equal else [row for row in listed if not row.is_same]
    return Section(key, title, tuple(shown), sum(row.is_same for row in listed))


def values(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Named values on both sides; what one side lacks is new or gone."""
    return [value_row(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]


def value_row(name: str, before: Any, after: Any) -> Difference:
    """One value that either is the same, changed, came or went."""
    left, right = words(before), words(after)
    if left == right:
        return Difference(name, left, right, "same")
    if before in (None, ""):
        return Difference(name, left, right, "new")
    if after in (None, ""):
        return Difference(name, left, right, "gone")
    return Difference(name, left, right, "changed")


def words(value: Any) -> str:
    """A value as people read it; None is "none"."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(words(item) for item in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {words(item)}" for name, item in value.items()) or "none"
    return str(value)


def metrics(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    """Measured numbers by name, each `{"label", "value", "unit", "digits"}`, with "+0.012 better"."""
    rows = []
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        label = str((new or old or {}).get("label", key))
        left, right = measured(old), measured(new)
        if old is None or new is None or not _are_numbers(old, new):
            rows.append(value_row(label, None if old is None else left, None if new is None else right))
        else:
            scale = 100.0 if new.get("unit") == "share" else 1
            decimals = max(digits(old, new) - 2, 1) if scale > 1 else digits(old, new)
            change, tone = moved(key, old["value"] * scale, new["value"] * scale, decimals)
            rows.append(Difference(label, left, right, change, tone))
    return rows


def measured(metric: Mapping[str, Any] | None) -> str:
    """A measured number with the digits its check declares, and its unit."""
    if metric is None:
        return "none"
    value = metric.get("value")
    if isinstance(value, float | int) and metric.get("unit") == "share":
        return percent(value, max(digits(metric) - 2, 1))
    if isinstance(value, float):
        text = f"{value:.{digits(metric)}f}".replace("-", "\u2212")
    else:
        text = words(value)
    unit = metric.get("unit", "")
    return f"{text} {unit}" if unit else text


def digits(*metrics: Mapping[str, Any]) -> int:
    """How many decimals are shown."""
    return max(int(metric.get("digits", 3)) for metric in metrics)


def moved(key: str, before: float, after: float, decimals: int) -> tuple[str, str]:
    """The change with its sign and whether it is better, where that is known."""
    change = after - before
    if isinstance(before, int) and isinstance(after, int):
        text = f"{change:+d}"
    else:
        text = f"{change:+.{decimals}f}"
    if float(text) == 0:
        return "same", NEUTRAL
    text = text.replace("-", "\u2212")
    direction = better_way(key)
    if direction == 0:
        return text, NEUTRAL
    is_better = (change > 0) == (direction > 0)
    return f"{text} {'better' if is_better else 'worse'}", BETTER if is_better else WORSE


def better_way(key: str) -> int:
    """1 when more is better, -1 when less is, 0 when that depends."""
    name = key.rpartition(".")[2].lower()
    if any(word in name for word in LOWER_IS_BETTER):
        return -1
    return 1 if any(word in name for word in HIGHER_IS_BETTER) else 0


def _are_numbers(*metrics: Mapping[str, Any]) -> bool:
    found = [metric.get("value") for metric in metrics]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)


def sets(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """Things that are there or not, by name with a note: features with their reasons, datasets with their state."""
    rows = []
    for name in dict.fromkeys([*after, *before]):
        left = before.get(name)
        right = after.get(name)
        if left is not None and right is not None:
            rows.append(Difference(name, left or "there", right or "there", "same" if left == right else "changed"))
        elif right is not None:
            rows.append(Difference(name, "not there", right or "there", "new"))
        else:
            rows.append(Difference(name, left or "there", "not there", "gone"))
    return rows


def summary(sections: Iterable[Section]) -> str:
    """The comparison in one sentence."""
    found = [part for part in sections if any(not row.is_same for row in part.rows)]
    total = sum(not row.is_same for part in found for row in part.rows)
    if not total:
        return "Nothing differs."
    parts = ", ".join(f"{sum(not row.is_same for row in part.rows)} in {part.title.lower()}" for part in found)
    return f"{total} {'difference' if total == 1 else 'differences'}: {parts}."
