"""May this user do this? One registry of conditions; the sentence a refused person reads is the condition's docstring.

`has_perm()` is never asked: Django answers True for a superuser before anyone is consulted, and four-eyes would be void.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from apps.core.errors import NotAllowed, WrongState

Condition = Callable[[Any, Any], bool | str]
"""(user, object) -> True when it holds; False, or a sentence of its own, when it does not."""


@dataclass(frozen=True)
class Refusal:
    """One reason why not: a stable code and the sentence."""

    code: str
    sentence: str


@runtime_checkable
class Move(Protocol):
    """A transition: the permission it asks for and whether the object's state allows it."""

    @property
    def permission(self) -> str:
        """The permission it asks for, "app.verb"."""

    def refuses(self, obj: Any) -> str | None:
        """The sentence why the object's state does not allow this, or None."""


_conditions: dict[str, tuple[Condition, ...]] = {}


def permit(permission: str, *conditions: Condition) -> None:
    """Declare that `permission` ("app.verb") needs all of `conditions`. Declared once, in an app's permissions module."""
    if permission in _conditions and _conditions[permission] != conditions:
        raise RuntimeError(f"{permission} is declared twice")
    for condition in conditions:
        if not inspect.getdoc(condition):
            raise RuntimeError(f"Condition {condition!r} of {permission} has no sentence")
    _conditions[permission] = conditions


def declared() -> dict[str, tuple[Condition, ...]]:
    """Every declared permission with its conditions."""
    return dict(_conditions)


def refusals(user: Any, permission: str | Move, obj: Any = None) -> list[Refusal]:
    """Why `user` may not, in sentences; empty when they may. Also feeds disabled buttons, so page and API agree."""
    name = permission if isinstance(permission, str) else permission.permission
    conditions = _conditions.get(name)
    if conditions is None:
        return [Refusal("UNKNOWN_PERMISSION", f"Nobody may do this: {name} is not declared.")]
    if not getattr(user, "is_authenticated", False) or not getattr(user, "is_active", False):
        return [Refusal("NOT_SIGNED_IN", "Sign in first: this needs an active account.")]
    found = []
    for condition in conditions:
        answer = condition(user, obj)
        if answer is not True:
            sentence = answer if isinstance(answer, str) else inspect.getdoc(condition) or ""
            code = getattr(condition, "code", condition.__name__.upper())
            found.append(Refusal(code, " ".join(sentence.split())))
    return found


def state_refusal(permission: str | Move, obj: Any) -> str | None:
    """The sentence why the object's state does not allow the move, or None."""
    return None if isinstance(permission, str) else permission.refuses(obj)


def authorise(user: Any, permission: str | Move, obj: Any = None) -> None:
    """Raise NotAllowed (403) with all reasons, or WrongState (409). Who may is asked before when, so states do not leak."""
    found: Sequence[Refusal] = refusals(user, permission, obj)
    if found:
        raise NotAllowed(refusals=found)
    if sentence := state_refusal(permission, obj):
        raise WrongState(sentence)
