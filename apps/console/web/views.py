"""Pages that belong to no single object: home, search, jobs, system, and what helps a newcomer."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.accounts.queries import sees_everything
from apps.console.queries import access as access_queries
from apps.console.queries import search as search_queries
from apps.console.queries import system as system_queries
from apps.console.queries.subjects import job_words
from apps.console.queries.tour import five_things
from apps.core import jobs
from apps.core.errors import NotAllowed, NotFound, WrongState
from apps.core.models import Job

STOP_POLLING = 286  # htmx stops asking when it gets this


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The start page is the queue: whose turn is it."""
    return redirect("console:queue")


def favicon(request: HttpRequest) -> HttpResponse:
    """The address that browsers guess."""
    return redirect(static("img/favicon.svg"))


@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Names, references, ids and digests. One exact hit goes straight to its page."""
    text = request.GET.get("q", "").strip()
    hits = search_queries.search(request.user, text)
    straight = search_queries.only(hits)
    if straight is not None and "list" not in request.GET:
        return redirect(straight.url)
    return render(request, "console/search.html", {"text": text, "hits": hits})


@login_required
def system(request: HttpRequest) -> HttpResponse:
    """Is everything working, and what to do where it is not."""
    parts = system_queries.parts()
    state, sentence = system_queries.sentence(parts)
    return render(request, "console/system.html", {"parts": parts, "state": state, "sentence": sentence})


@login_required
def access(request: HttpRequest) -> HttpResponse:
    """What has to be set up, for administrators; everyone else with a role for everything may look."""
    if not sees_everything(request.user):
        raise NotAllowed("Administration is for administrators; auditors and the second line may read it.")
    tasks = access_queries.tasks()
    done = sum(task.state == "done" for task in tasks)
    return render(request, "console/access.html", {"tasks": tasks, "done": done})


def visible_job(request: HttpRequest, key: Any) -> Job:
    """The job, for who asked for it and who sees everything; others are told that there is none."""
    found: Job | None = Job.objects.filter(pk=key).first()
    if found is None or (found.requested_by != request.user.pk and not sees_everything(request.user)):
        raise NotFound("There is no such job, or you may not see it.")
    return found


@login_required
def job(request: HttpRequest, job: Any) -> HttpResponse:
    """How far a job is. The panel asks again by itself until the job is over."""
    found = visible_job(request, job)
    if request.headers.get("HX-Request"):
        answer = render(request, "ui/job.html", {"job": found}, status=STOP_POLLING if found.is_over else 200)
        if found.is_over:
            answer["HX-Refresh"] = (
                "true"  # what stands around the panel changes too: times, and the button that cancels
            )
        return answer
    asker = User.objects.filter(pk=found.requested_by).first() if found.requested_by else None
    context = {"job": found, "asker": asker, "is_mine": found.requested_by == request.user.pk}
    return render(request, "console/job.html", context | job_words(found))


@login_required
@require_POST
def job_cancel(request: HttpRequest, job: Any) -> HttpResponse:
    """Stop a job that one asked for."""
    found = visible_job(request, job)
    if found.requested_by != request.user.pk:
        raise NotAllowed("Only who asked for a job may cancel it.", code="NOT_YOURS")
    if not jobs.cancel(found):
        raise WrongState(f"This job is over: {found.get_state_display().lower()}.", code="JOB_IS_OVER")
    return redirect("console:job", found.pk)


@login_required
def glossary(request: HttpRequest) -> HttpResponse:
    """The words of the product, each with what it means here."""
    return render(request, "console/glossary.html")


@login_required
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Keys that move and focus. None of them decides anything."""
    return render(request, "console/shortcuts.html")


@login_required
def tour(request: HttpRequest) -> HttpResponse:
    """Five things to try in the demo, with the addresses of what it prepared."""
    return render(request, "console/tour.html", {"things": five_things(request.user)})
