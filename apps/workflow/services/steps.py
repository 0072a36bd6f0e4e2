"""Opening the steps of a review: which apply, which is next, and until when it should be signed."""

from typing import Any

from django.utils import timezone

from apps.policy import expressions
from apps.policy import queries as policy_queries
from apps.policy.expressions import Truth
from apps.workflow import lifecycle, processes
from apps.workflow.models import Review, Step


def plan_round(review: Review) -> None:
    """Write the steps of the current round, as its process asks for them."""
    facts = policy_queries.facts_of(review.version)
    for order, plan in enumerate(processes.step_plans(review.process.body)):
        result = applies(plan.condition, facts)
        Step.objects.create(
            review=review, round=review.round, order=order, key=plan.key, title=plan.title, kind=plan.kind, role=plan.role,
            quorum=plan.quorum, rules=list(plan.rules), condition=plan.condition, condition_result=result.value,
            state=Step.State.SKIPPED if result is Truth.FALSE else Step.State.WAITING,
        )  # fmt: skip
    forget_steps(review)


def applies(condition: str, facts: dict[str, Any]) -> Truth:
    """Whether a step applies. What nobody answered and what cannot be evaluated make it apply: closed is the default."""
    names = [name for name in expressions.names_in(condition) if "." in name]
    try:
        return expressions.evaluate(expressions.compile(condition, names), facts)
    except expressions.InvalidExpression:
        return Truth.ERROR


def open_next(review: Review) -> Step | None:
    """Open the next step that applies and set the state that goes with it; None when every step is signed.

    A step that did not apply when the version was submitted is asked for now if the facts have changed meanwhile; a step
    that applied stays.
    """
    facts = policy_queries.facts_of(review.version)
    for step in review.round_steps:
        if step.state == Step.State.SKIPPED and (result := applies(step.condition, facts)) is not Truth.FALSE:
            step.state, step.condition_result = Step.State.WAITING, result.value
            step.save(update_fields=["state", "condition_result"])
    waiting = [step for step in review.round_steps if step.state == Step.State.WAITING]
    if not waiting:
        return None
    step = waiting[0]
    now = timezone.now()
    step.state, step.opened_at = Step.State.OPEN, now
    step.due_on = processes.step_due_on(now.date(), review.due_on, len(waiting))
    step.save(update_fields=["state", "opened_at", "due_on"])
    follow(review, step, is_last=len(waiting) == 1)
    return step


def follow(review: Review, step: Step, *, is_last: bool) -> None:
    """Bring the review into the state that belongs to its open step."""
    if step.kind in {processes.REVIEW, processes.APPROVAL} or is_last:
        move = lifecycle.START_REVIEW
    elif step.kind == processes.VALIDATION:
        move = lifecycle.START_VALIDATION
    else:
        return
    if move.allows(review.state) and move.target is not None:
        review.state = move.target
        review.save(update_fields=["state"])


def close_step(step: Step, state: str) -> None:
    """Note that a step is decided."""
    step.state, step.closed_at = state, timezone.now()
    step.save(update_fields=["state", "closed_at"])


def forget_steps(review: Review) -> None:
    """Let the instance read its steps again after they changed."""
    review.__dict__.pop("round_steps", None)
