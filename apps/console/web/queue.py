"""The queue: what needs you, what waits for others, what ends soon."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.console.queries import queue as queue_queries
from apps.console.web.forms import QueueFilter
from apps.examination.queries import awaiting_answer

PAGE = 25
SOON = timedelta(days=30)


@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """Open work of one of three lists, overdue first, then by tier, then oldest."""
    form = QueueFilter(request.GET)
    lists = queue_queries.lists(request.user)
    name = request.GET.get("list", "needs-you")
    found = lists.named(name, **form.wish)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    today = timezone.localdate()
    context = {
        "form": form,
        "lists": lists,
        "list": name if name in queue_queries.LISTS else "all",
        "page": page,
        "meters": queue_queries.meters(page.object_list),
        "asked": awaiting_answer(request.user),
        "ending": queue_queries.ending(request.user, today, today + SOON),
    }
    return render(request, "console/queue.html", context)
