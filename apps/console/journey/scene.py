"""One step of the story."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.console.journey.acts import Stage


@dataclass(frozen=True)
class Scene:
    """One step: its name in `journey.json`, a title for people, and what it does; answers with a sentence."""

    name: str
    title: str
    act: Callable[[Stage], str]
    where: Callable[[Stage], str]
