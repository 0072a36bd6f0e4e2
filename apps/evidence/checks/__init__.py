"""Every check of the product, one file each. To add one, write the file; docs/howto/add-a-check.md shows how."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from apps.evidence.checks.base import Check


@cache
def registry() -> dict[str, Check]:
    """Every check by its key, in the order in which pages list them."""
    found = []
    for module in iter_modules(__path__):
        if module.name != "base":
            defined = vars(import_module(f"{__name__}.{module.name}")).values()
            found += [
                item for item in defined if isinstance(item, type) and issubclass(item, Check) and item is not Check
            ]
    return {check.key: check() for check in sorted(set(found), key=lambda check: (check.order, check.key))}
