"""Pages of the workflow: a GET asks a query and renders, a POST validates a form and calls the same service as the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core import moment
from apps.core.errors import BadRequest, NotFound
from apps.registry.queries import version_for
from apps.workflow import lifecycle, past, queries, services
from apps.workflow.models import Comment, Finding
from apps.workflow.web import forms, pages

PAGE = 25


@login_required
@require_safe
@moment.shows_past
def review_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One review: whose turn, its steps and signatures of every round, findings, conditions, what was approved."""
    at = moment.of(request)
    review = queries.review_for(request.user, pk, at=at)
    standing = queries.standing_of(review.version, environment=review.environment, at=at)
    panel = queries.panel(review.version, request.user, environment=review.environment, standing=standing, at=at)
    context = pages.version_page(request, review.version, "overview", panel) | {
        "review": review, "signatures": queries.signatures_of(review, every_round=True, at=at),
        "manifest": standing.manifest if standing.review == review else None, "is_newest": standing.review == review,
    }  # fmt: skip
    return render(request, "workflow/review_detail.html", context)


@login_required
def request_changes(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the turn back to the developer, with a question."""
    review = queries.review_for(request.user, pk)
    form = forms.ReasonForm(request.POST or None)
    act = lambda: services.request_changes(review, actor=request.user, reason=form.cleaned_data["reason"])  # noqa: E731
    if request.method == "POST" and form.is_valid() and forms.attempt(form, act) is not None:
        messages.success(request, _("Changes were requested. The developer is told."))
        return redirect("workflow:review-detail", review.pk)
    why_not = queries.why_not(request.user, lifecycle.REQUEST_CHANGES, review)
    return render(request, "workflow/request_changes.html", pages.asking(review, form, why_not))


@login_required
@require_POST
def claim(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say that one looks at the open step."""
    review = queries.review_for(request.user, pk)
    services.claim(review, actor=request.user)
    messages.success(request, _("Others see that you are looking at it. The claim ends by itself after eight hours."))
    return redirect("workflow:review-detail", review.pk)


MOVES: dict[str, tuple[lifecycle.Move, Any]] = {
    "withdraw": (lifecycle.WITHDRAW, lambda review, **how: services.withdraw(review, **how)),
    "suspend": (
        lifecycle.SUSPEND,
        lambda review, **how: services.suspend(review.version, environment=review.environment, **how),
    ),
    "revoke": (
        lifecycle.REVOKE,
        lambda review, **how: services.revoke(review.version, environment=review.environment, **how),
    ),
    "reinstate": (
        lifecycle.REINSTATE,
        lambda review, **how: services.reinstate(review.version, environment=review.environment, **how),
    ),
}


@login_required
def move(request: HttpRequest, pk: UUID, key: str) -> HttpResponse:
    """Withdraw, suspend, revoke or reinstate, with a reason."""
    review = queries.review_for(request.user, pk)
    if key not in MOVES:
        raise NotFound(_("There is nothing at this address."))
    asked, act = MOVES[key]
    form = forms.ReasonForm(request.POST or None)
    call = lambda: act(review, actor=request.user, reason=form.cleaned_data["reason"])  # noqa: E731
    if request.method == "POST" and form.is_valid() and forms.attempt(form, call) is not None:
        messages.success(request, _("Done. It is in the log, and the gate answers accordingly from now on."))
        return redirect("workflow:review-detail", review.pk)
    context = pages.asking(review, form, queries.why_not(request.user, asked, review)) | {"key": key}
    return render(request, "workflow/move.html", context)


@login_required
def submit(request: HttpRequest, version: UUID) -> HttpResponse:
    """What submitting asks for, what is there and what is missing; then submit."""
    shown = version_for(request.user, version)
    form = forms.SubmitForm(request.POST or None, initial={"environment": queries.default_environment()})
    if request.method == "POST" and form.is_valid():
        review = forms.attempt(form, lambda: services.submit(shown, actor=request.user, **form.cleaned_data))
        if review is not None:
            messages.success(request, _("Submitted. The first step is open."))
            return redirect("workflow:review-detail", review.pk)
    ready = queries.readiness(shown)
    context = pages.version_page(request, shown, "overview") | {
        "form": form, "ready": ready, "path": queries.path_preview(shown.use_case),
        "why_not": queries.why_not(request.user, lifecycle.SUBMIT, ready.candidate) or [*filter(None, [ready.sentence])],
    }  # fmt: skip
    return render(request, "workflow/submit.html", context)


@login_required
@moment.shows_past
def discussion(request: HttpRequest, version: UUID) -> HttpResponse:
    """The challenge log of a version: questions, answers, outcomes, dissent."""
    shown = version_for(request.user, version, at=moment.of(request))
    form = forms.CommentForm(request.POST or None)
    act = lambda: say(shown, form, request.user)  # noqa: E731
    if request.method == "POST" and form.is_valid() and forms.attempt(form, act) is not None:
        return redirect("workflow:discussion", shown.pk)
    context = pages.version_page(request, shown, "discussion") | {
        "form": form, "threads": queries.challenge_log(shown, at=moment.of(request)),
        "why_not": queries.why_not(request.user, "workflow.comment", shown),
    }  # fmt: skip
    return render(request, "workflow/discussion.html", context)


def say(version: Any, form: forms.CommentForm, user: Any) -> Comment:
    """Add a word to the discussion; a reply names what it replies to."""
    key = form.cleaned_data["parent"]
    parent = queries.comments_on(version).filter(pk=key).first() if key else None
    return services.comment(
        version, actor=user, text=form.cleaned_data["text"], kind=form.cleaned_data["kind"], parent=parent,
        review=queries.newest_review(version),
    )  # fmt: skip


@login_required
@require_safe
@moment.shows_past
def finding_list(request: HttpRequest) -> HttpResponse:
    """Findings over all versions, open ones first."""
    at = moment.of(request)
    form = forms.FindingFilterForm(request.GET if set(request.GET) - {moment.PARAMETER} else {"state": "open"})
    wish = form.cleaned_data if form.is_valid() else {}
    found = narrowed(queries.visible_findings(request.user), **wish | ({} if at is None else {"state": ""}))
    found = found.order_by("due_on", "-number")
    page = Paginator(found if at is None else in_state_at(found, wish.get("state", ""), at), PAGE).get_page(
        request.GET.get("page")
    )
    return render(
        request, "workflow/finding_list.html", {"page": page, "form": form, "population": page.paginator.count}
    )


def narrowed(found: Any, *, q: str = "", state: str = "", severity: str = "") -> Any:
    """Findings with these words, in this state, of this severity."""
    if q:
        found = found.filter(Q(title__icontains=q) | Q(text__icontains=q) | Q(version__model__name__icontains=q))
    if severity:
        found = found.filter(severity=severity)
    if state == "open":
        return found.exclude(state=Finding.State.CLOSED)
    return found.filter(state=state) if state else found


def in_state_at(found: Any, state: str, at: datetime) -> list[Finding]:
    """Findings as they were, those that had this state then."""
    rows = past.findings_at(found.filter(created_at__lte=at), at)
    return [row for row in rows if not state or (row.is_open if state == "open" else row.state == state)]


ACTS: dict[str, Any] = {
    "answer": services.answer_finding,
    "close": services.close_finding,
    "return": services.return_finding,
}


@login_required
@moment.shows_past
def finding(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One finding: what it says, its answers, and what this person may do about it."""
    shown = queries.finding_for(request.user, pk, at=moment.of(request))
    form = forms.FindingAnswerForm(request.POST or None)
    act = lambda: act_on(shown, form, request.user)  # noqa: E731
    if request.method == "POST" and form.is_valid() and forms.attempt(form, act) is not None:
        return redirect("workflow:finding", shown.pk)
    context = {
        "finding": shown, "version": shown.version, "form": form,
        "words": queries.comments_on(shown.version, at=moment.of(request)).filter(finding=shown.pk).order_by("created_at", "id"),
        "may_not_answer": queries.why_not(request.user, "workflow.answer_finding", shown),
        "may_not_close": queries.why_not(request.user, "workflow.close_finding", shown),
    }  # fmt: skip
    return render(request, "workflow/finding.html", context)


def act_on(shown: Finding, form: forms.FindingAnswerForm, user: Any) -> Finding:
    """Answer, verify or return a finding."""
    act, text = form.cleaned_data["act"], form.cleaned_data["text"]
    if act not in ACTS:
        raise BadRequest(_("That is not something to do with a finding."))
    return ACTS[act](shown, actor=user, **{"text" if act == "answer" else "reason": text})


@login_required
def finding_new(request: HttpRequest, version: UUID) -> HttpResponse:
    """Record a finding about a version."""
    shown = version_for(request.user, version)
    form = forms.FindingForm(request.POST or None, initial={"requirement_id": request.GET.get("requirement", "")[:80]})
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data | {"review": queries.newest_review(shown)}
        made = forms.attempt(form, lambda: services.raise_finding(shown, actor=request.user, **facts))
        if made is not None:
            return redirect("workflow:finding", made.pk)
    why_not = queries.why_not(request.user, "workflow.raise_finding", shown)
    return render(request, "workflow/finding_new.html", {"version": shown, "form": form, "why_not": why_not})
