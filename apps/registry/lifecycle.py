"""Two of the three state machines: a deployment, and a model in the inventory. Pure; the whole of it on one screen."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Move:
    """A transition of a deployment: the permission it asks for, where it starts, where it ends."""

    permission: str
    sources: frozenset[str]
    target: str

    def refuses(self, obj: Any) -> str | None:
        """The sentence why the deployment is not in a state from which this can be done, or None."""
        if obj.state in self.sources:
            return None
        wanted = " or ".join(sorted(self.sources))
        return f"This deployment is {obj.state}; only one that is {wanted} can become {self.target}."


START = Move("registry.report_deployment", frozenset({"authorised"}), "active")
END = Move("registry.report_deployment", frozenset({"authorised", "active", "suspended"}), "ended")

MODEL_MOVES: dict[str, frozenset[str]] = {
    "candidate": frozenset({"registered", "not_a_model", "retired"}),
    "not_a_model": frozenset({"candidate"}),
    "registered": frozenset({"in_use", "under_decommission", "retired", "not_a_model"}),
    "in_use": frozenset({"under_decommission"}),
    "under_decommission": frozenset({"retired", "in_use"}),
    "retired": frozenset({"registered"}),
}
"""From each state of a model, where its owner may propose to move it. Model risk confirms."""
