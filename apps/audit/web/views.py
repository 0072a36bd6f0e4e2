"""Pages of the log: the trail, one entry with its proof, downloads, and the order to verify everything."""

import io
import zipfile
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.audit import proving, queries, services, verbs
from apps.audit.models import Leaf
from apps.audit.permissions import reads_everything
from apps.audit.web import pages
from apps.audit.web.forms import EntryFilterForm
from apps.core import moment

FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # so that the same proof is the same file


@login_required
@require_safe
@moment.shows_past
def entry_list(request: HttpRequest) -> HttpResponse:
    """What happened, newest first, with the state of the whole log beside it."""
    form = EntryFilterForm(request.GET)
    found = until(queries.matching(queries.leaves(request.user), **form.wanted), moment.of(request))
    page = pages.page_of(found, before=request.GET.get("before"), after=request.GET.get("after"), named=form.called)
    about = form.wanted.get("subject", "")
    context = {
        "form": form,
        "page": page,
        "count": pages.count_of(found),
        "about": verbs.name_all([about])[about] if about else None,
        "standing": queries.standing(),
        "may_verify": reads_everything(request.user),
    }
    return render(request, "audit/entry_list.html", context)


def until(found: QuerySet[Leaf], at: datetime | None) -> QuerySet[Leaf]:
    """The entries that had been made by a moment; all of them without one."""
    return found if at is None else found.filter(entry__at__lte=at)


@login_required
@require_safe
def entry_detail(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: what was recorded, its exact bytes, and its proof checked now."""
    leaf = queries.visible_leaf(request.user, seq)
    context = {
        "leaf": leaf,
        "line": pages.as_lines([leaf])[0],
        "changes": verbs.name_all(pages.changes_of(leaf)),
        "facts": pages.facts_of(leaf),
        "body": bytes(leaf.entry.body).decode("utf-8", "replace"),
        "proof": proving.prove(leaf),
        "offline": f"python3 verify.py proof-{seq}.zip --trust trust.json",
        "checked_at": timezone.now() if "verify" in request.GET else None,
    }
    return render(request, "audit/entry.html", context)


@login_required
@require_safe
def entry_proof(request: HttpRequest, seq: int) -> HttpResponse:
    """Entry, leaf and proof as one file for the offline verifier."""
    queries.visible_leaf(request.user, seq)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(services.entry_proof(seq).items()):
            archive.writestr(zipfile.ZipInfo(name, FIXED_DATE), content)
    headers = {"Content-Disposition": f'attachment; filename="proof-{seq}.zip"'}
    return HttpResponse(buffer.getvalue(), content_type="application/zip", headers=headers)


@login_required
@require_safe
def leaf_proof(request: HttpRequest, seq: int) -> HttpResponse:
    """The C2SP tlog-proof of one entry, for tools of others."""
    queries.visible_leaf(request.user, seq)
    headers = {"Content-Disposition": f'attachment; filename="{seq}.tlog-proof"'}
    return HttpResponse(services.leaf_proof(seq), content_type="text/plain; charset=utf-8", headers=headers)


@login_required
@require_safe
@moment.shows_past
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The entries that the filter names, as they are hashed, one to a line."""
    wanted = EntryFilterForm(request.GET).wanted
    found = queries.matching(queries.leaves(request.user), seq_below=queries.tree_size(), **wanted)
    found = until(found, moment.of(request))
    services.note_export(actor=request.user, wanted=wanted, count=str(found.count()))
    headers = {"Content-Disposition": 'attachment; filename="audit-trail.jsonl"'}
    return StreamingHttpResponse(pages.as_jsonl(found), content_type="application/jsonl", headers=headers)


@login_required
@require_POST
def verify_everything(request: HttpRequest) -> HttpResponse:
    """Ask a worker to read the whole log and every immutable row again."""
    services.request_verification(actor=request.user)
    messages.info(request, _("A worker reads everything again. The result will stand on this page."))
    return redirect("audit:entry-list")
