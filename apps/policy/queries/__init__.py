"""Reads of policy: facts, the policy in force, what a version still has to show, lists for pages."""

from apps.policy.queries.facts import facts_of, implied_facts, known_facts, unanswered_facts
from apps.policy.queries.measured import datasets_behind, measured_facts
from apps.policy.queries.needed import NeededEvidence, needed_evidence
from apps.policy.queries.policies import (
    ActiveFramework,
    active_frameworks,
    assessments_of,
    compiled,
    drafts,
    fact_names,
    framework_states,
    policies_in_force,
    policy_for,
    policy_in_force,
    tier_of,
    waivers_for,
)

__all__ = [
    "ActiveFramework",
    "NeededEvidence",
    "active_frameworks",
    "assessments_of",
    "compiled",
    "datasets_behind",
    "drafts",
    "fact_names",
    "facts_of",
    "framework_states",
    "implied_facts",
    "known_facts",
    "measured_facts",
    "needed_evidence",
    "policies_in_force",
    "policy_for",
    "policy_in_force",
    "tier_of",
    "unanswered_facts",
    "waivers_for",
]
