"""Everything that judges, and everything that changes what is judged by."""

from apps.policy.results import RequirementResult
from apps.policy.services.assessing import Judgement, assess, judgement_from, replay, result_row, results_of
from apps.policy.services.policies import (
    confirm_framework,
    draft_policy,
    load_frameworks,
    load_packs,
    policy_for_environment,
    publish_policy,
    reject_framework,
    request_framework,
)
from apps.policy.services.reporting import intake_of, judged_as_of, judgement_as_at
from apps.policy.services.simulating import Simulation, simulate
from apps.policy.services.tiers import answer_facts, arithmetic_of, confirm_tier, proposal_for, propose_tier
from apps.policy.services.waivers import (
    WaiverEffect,
    approve_waiver,
    longest_days,
    preview_waiver,
    reject_waiver,
    request_waiver,
    waivable,
    withdraw_waiver,
)

__all__ = [
    "Judgement",
    "RequirementResult",
    "Simulation",
    "WaiverEffect",
    "answer_facts",
    "approve_waiver",
    "arithmetic_of",
    "assess",
    "confirm_framework",
    "confirm_tier",
    "draft_policy",
    "intake_of",
    "judged_as_of",
    "load_frameworks",
    "load_packs",
    "longest_days",
    "policy_for_environment",
    "preview_waiver",
    "proposal_for",
    "propose_tier",
    "publish_policy",
    "reject_framework",
    "reject_waiver",
    "judgement_as_at",
    "judgement_from",
    "replay",
    "request_framework",
    "request_waiver",
    "result_row",
    "results_of",
    "simulate",
    "waivable",
    "withdraw_waiver",
]
