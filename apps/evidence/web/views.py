"""The HTML door of evidence: the list of a version, one result, asking for checks, handing in."""

import csv
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from apps.core import moment
from apps.core.errors import NotFound, ProductError
from apps.core.permissions import refusals
from apps.evidence import checks, presentation, queries, services, testing, trying
from apps.evidence.catalogue import EvidenceType, type_named
from apps.evidence.downloads import download
from apps.evidence.models import Evidence, Source
from apps.evidence.uses import uses_of
from apps.evidence.web.forms import CaseForm, EvidenceForm, ReasonForm, TestsForm, TypeForm
from apps.registry.models import ModelVersion
from apps.registry.queries import version_for, version_header

GROUPS = [
    (gettext_lazy("Computed by checks"), {Source.COMPUTED}),
    (gettext_lazy("Submitted and attested"), {Source.SUBMITTED, Source.ATTESTED}),
    (gettext_lazy("Records of the product"), {Source.RECORD}),
]
MARKS = {"accept": services.accept, "flag": services.flag, "withdraw": services.withdraw}


def page(request: HttpRequest, template: str, version: ModelVersion, **context: Any) -> HttpResponse:
    """A page under a version."""
    header = version_header(version, request.user, at=moment.of(request))
    shown = {"version": version, "header": header, "tab": "evidence", **context}
    return render(request, template, shown)


@login_required
@moment.shows_past
def version_list(request: HttpRequest, version: UUID) -> HttpResponse:
    """Evidence of a version by where it comes from; older items on request."""
    at = moment.of(request)
    shown = version_for(request.user, version, at=at)
    is_all = request.GET.get("show") == "all"
    items = list(queries.with_marks(queries.evidence_of(shown), at)) if is_all else queries.current_for(shown, at=at)
    groups = [group for title, sources in GROUPS if (group := _group(title, sources, items))]
    return page(
        request, "evidence/version_list.html", shown, groups=groups, is_all=is_all, counts=_counts(groups),
        runs=_unfinished(shown, at), documents=queries.documents_for(shown, at=at),
        may_ask=not refusals(request.user, "evidence.request_checks", shown),
    )  # fmt: skip


def _unfinished(version: ModelVersion, at: datetime | None) -> list[tuple[str, Any]]:
    """Checks that have no result, with their titles."""
    known = checks.registry()
    runs = [run for run in queries.latest_runs(version, at=at) if run.state != "done"]
    return [(known[run.check_key].title if run.check_key in known else run.check_key, run) for run in runs]


def _group(title: Any, sources: set[Source], items: list[Evidence]) -> dict[str, Any]:
    """Items of one origin, those that somebody has to look at first; empty when there is none."""
    lines = [_line(item) for item in items if item.source in sources]
    if not lines:
        return {}
    waiting = [line for line in lines if line["needs_work"]]
    note = ngettext("%(n)s item", "%(n)s items", len(lines)) % {"n": len(lines)}
    if waiting:
        note = _("%(items)s, %(n)s to look at first") % {"items": note, "n": len(waiting)}
    settled = [line for line in lines if not line["needs_work"]]
    return {"title": str(title), "note": note, "waiting": waiting, "settled": settled}


def _counts(groups: list[dict[str, Any]]) -> str:
    """How the items stand, in one sentence."""
    waiting = sum(len(group["waiting"]) for group in groups)
    count = waiting + sum(len(group["settled"]) for group in groups)
    said = ngettext("%(n)s item of evidence.", "%(n)s items of evidence.", count) % {"n": count}
    rest = (
        _("Each of them counts.")
        if not waiting
        else _("%(n)s of them do not count until somebody acts.") % {"n": waiting}
    )
    return f"{said} {rest}" if count else ""


def _line(item: Evidence) -> dict[str, Any]:
    titles = [queries.catalogue()[key].title for key in sorted(item.types) if key in queries.catalogue()]
    standing, is_over = queries.standing_of(item), not item.is_valid_on(queries.day_of(moment.now()))
    return {
        "item": item,
        "standing": standing,
        "supplies": [title for title in titles if title != item.title],
        "is_over": is_over,
        "needs_work": is_over or standing != queries.ACCEPTED,
    }


def evidence_for(user: Any, pk: UUID, at: datetime | None = None) -> Evidence:
    """The item with this id, with its marks of now or then, if the user may see it. Raises NotFound."""
    rows = Evidence.objects.visible_to(user).select_related(
        "produced_by", "run__requested_by", "version__model__use_case"
    )
    found = queries.with_marks(rows.filter(pk=pk), at).first()
    if found is None:
        raise NotFound(_("There is no such evidence, or you may not see it."))
    return found


@login_required
@moment.shows_past
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One item: what it says first, then figures, tables, limits, method, what was read, and how to repeat it."""
    return _detail(request, evidence_for(request.user, pk, moment.of(request)))


def _detail(request: HttpRequest, item: Evidence, form: ReasonForm | None = None, status: int = 200) -> HttpResponse:
    standing = queries.standing_of(item)
    context = {
        "item": item,
        "version": item.version,
        "standing": standing,
        "result": presentation.present(item),
        "supplies": presentation.supplies(item),
        "uses": uses_of(item, moment.of(request)),
        "command": presentation.repeat_command(item, settings.BASE_URL),
        "repeated": presentation.what_repeating_gives(item),
        "actions": _actions(request, item, standing),
        "form": form or ReasonForm(),
    }
    return render(request, "evidence/detail.html", context, status=status)


def _actions(request: HttpRequest, item: Evidence, standing: str) -> list[dict[str, Any]]:
    """Marks that this reader may make, and why not where they may not."""
    if standing == queries.WITHDRAWN:
        return []
    words = {"accept": _("Accept evidence"), "flag": _("Flag evidence"), "withdraw": _("Withdraw evidence")}
    done = {"accept": queries.ACCEPTED, "flag": queries.FLAGGED}
    found = []
    for verb, label in words.items():
        if done.get(verb) == standing or (
            verb == "withdraw" and item.source not in {Source.SUBMITTED, Source.ATTESTED}
        ):
            continue
        why = " ".join(refusal.sentence for refusal in refusals(request.user, f"evidence.{verb}", item))
        found.append({"verb": verb, "label": label, "why": why})
    return found


@login_required
@require_POST
def mark(request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
    """Accept, flag or withdraw."""
    item, form = evidence_for(request.user, pk), ReasonForm(request.POST)
    if verb not in MARKS:
        raise NotFound(_("Evidence is accepted, flagged or withdrawn; there is nothing else to do with it."))
    if not form.is_valid():
        return _detail(request, item, form, status=422)
    MARKS[verb](item, reason=form.cleaned_data["reason"], actor=request.user)
    messages.success(request, _("Noted. It binds at once."))
    return redirect("evidence:detail", pk)


@login_required
def new(request: HttpRequest, version: UUID) -> HttpResponse:
    """Hand in or attest evidence: first its kind, then its fields."""
    shown = version_for(request.user, version)
    picked = request.GET.get("type", "")
    if not picked:
        return page(request, "evidence/new.html", shown, type_form=TypeForm(), tests_form=TestsForm())
    return _typed(request, shown, type_named(picked))


def _typed(request: HttpRequest, version: ModelVersion, kind: EvidenceType) -> HttpResponse:
    """The fields of one kind: what is handed in, or what is wrong with it."""
    form = EvidenceForm(request.POST or None, request.FILES or None, kind=kind, initial={"dated": queries.today()})
    if request.method == "POST" and form.is_valid() and (item := _hand_in(request, version, kind.id, form)):
        return redirect("evidence:detail", item.pk)
    picked = TypeForm(initial={"type": kind.id})
    shown = {"kind": kind, "form": form, "type_form": picked, "measured": _measured(kind)}
    response = page(request, "evidence/new.html", version, **shown)
    response.status_code = 422 if form.errors else 200
    return response


def _measured(kind: EvidenceType) -> list[tuple[str, str]]:
    """The fields of a type that checks compute, each with the title of its check."""
    known = checks.registry()
    return [(kind.field_titles[name], known[key].title) for name, key in kind.computed.items()]


@login_required
def what_if(request: HttpRequest, version: UUID) -> HttpResponse:
    """Type a case and a change, and see what the serving endpoint makes of both."""
    shown = version_for(request.user, version)
    form, tried = CaseForm(request.POST or None, features=trying.features_of(shown)), None
    if request.method == "POST" and form.is_valid():
        try:
            tried = trying.try_case(shown, case=form.typed("case"), changed=form.typed("changed"), actor=request.user)
        except ProductError as refused:
            form.add_error(None, refused.detail)
    why = " ".join(refusal.sentence for refusal in refusals(request.user, "evidence.try_case", shown))
    response = page(request, "evidence/what_if.html", shown, form=form, tried=tried, why_not=why)
    response.status_code = 422 if form.errors else 200
    return response


@login_required
@require_POST
def tests_new(request: HttpRequest, version: UUID) -> HttpResponse:
    """Hand in a report of tests; what is wrong with it is said beside the form."""
    shown = version_for(request.user, version)
    form = TestsForm(request.POST, request.FILES)
    if form.is_valid():
        given, upload = form.cleaned_data, form.cleaned_data["report"]
        named = {"title": given["title"], "dated": given["dated"], "name": upload.name}
        try:
            item = testing.submit_tests(shown, report=upload.read(testing.MOST_READ), actor=request.user, **named)
            return redirect("evidence:detail", item.pk)
        except ProductError as refused:
            form.add_error(None, refused.detail)
    response = page(request, "evidence/new.html", shown, type_form=TypeForm(), tests_form=form)
    response.status_code = 422
    return response


def _hand_in(request: HttpRequest, version: ModelVersion, kind: str, form: EvidenceForm) -> Evidence | None:
    given = {name: form.cleaned_data[name] for name in ("summary", "dated", "valid_until")}
    files = form.cleaned_data["files"]
    try:
        if files:
            return services.submit(version, type=kind, fields=form.typed(), actor=request.user, files=files, **given)
        return services.attest(version, type=kind, fields=form.typed(), actor=request.user, **given)
    except ProductError as refused:
        form.add_error(None, refused.detail)
        return None


@login_required
def file(request: HttpRequest, pk: UUID, sha256: str) -> FileResponse:
    """A file that was handed in, as a download."""
    return download(evidence_for(request.user, pk), sha256, actor=request.user)


@login_required
def table_csv(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """One table as a file for spreadsheets."""
    item = evidence_for(request.user, pk)
    if not 1 <= number <= len(item.tables):
        raise NotFound(_("There is no such table."))
    table = item.tables[number - 1]
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="evidence-{item.pk}-table-{number}.csv"'
    writer = csv.writer(response)
    writer.writerow([_harmless(column["label"]) for column in table["columns"]])
    for row in table["rows"]:
        writer.writerow([_harmless(row.get(column["key"])) for column in table["columns"]])
    return response


def _harmless(value: Any) -> Any:
    """A cell that a spreadsheet does not run as a formula; an interval as "low to high"."""
    if isinstance(value, list):
        return f"{value[0]} to {value[1]}" if len(value) == 2 else ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
