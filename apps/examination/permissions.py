"""Who may draw samples and ask, who answers, and that auditors read everything and change nothing else."""

from typing import Any

from apps.accounts.models import Role
from apps.accounts.permissions import holds_role, is_person
from apps.accounts.queries import holds, sees_everything
from apps.core.permissions import permit


def examiner_sees_everything(user: Any, obj: Any) -> bool:
    """Samples and requests are for examiners who see every use case; your role is limited to some of them."""
    return sees_everything(user)


def answers_what_was_asked_of_them(user: Any, obj: Any) -> bool:
    """A request is answered by the person it is assigned to."""
    return bool(obj is not None and obj.assigned_to_id == user.pk)


def accepts_what_they_may_ask(user: Any, obj: Any) -> bool:
    """An answer is accepted or returned by who asked, or by another auditor."""
    return obj is not None and (obj.asked_by_id == user.pk or holds(user, Role.AUDITOR))


def accepts_no_own_answer(user: Any, obj: Any) -> bool:
    """Nobody accepts their own answer."""
    return obj is None or obj.assigned_to_id != user.pk


EXAMINERS = holds_role(Role.AUDITOR, Role.COMPLIANCE, Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK)
permit("examination.draw_sample", is_person, EXAMINERS, examiner_sees_everything)
permit("examination.ask", is_person, EXAMINERS, examiner_sees_everything)
permit("examination.answer", is_person, answers_what_was_asked_of_them)
permit("examination.accept", is_person, accepts_no_own_answer, accepts_what_they_may_ask)
