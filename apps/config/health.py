"""For machines that watch: is the process up, may traffic come, and figures for Prometheus.

`/healthz` says the process answers. `/readyz` is 200 only when database, migrations, worker, scheduler and sequencer are fine and the log's
head is signed: a database that was rolled back has forgotten revocations too. What is not anchored is told there, as information.
"""

import hmac
import ipaddress
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from apps.accounts.erased import come_back
from apps.audit import queries as audit
from apps.core import jobs
from apps.core.errors import NotAllowed
from apps.core.models import Job
from apps.gate.models import Decision

WORKER_SILENT = timedelta(seconds=60)
SEQUENCER_LAG = timedelta(seconds=30)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


def database_state() -> dict[str, Any]:
    """Whether the database answers, and which one it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_user")
        row = cursor.fetchone()
    return {"ok": True, "server_version": row[0], "role": row[1]}


def migrations_state() -> dict[str, Any]:
    """Whether the tables are those this release expects."""
    executor = MigrationExecutor(connection)
    waiting = [
        f"{step.app_label}.{step.name}" for step, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())
    ]
    return {"ok": not waiting, "waiting": waiting}


def worker_state() -> dict[str, Any]:
    """Whether a worker and the scheduler showed a sign of life lately."""
    seen = jobs.worker_seen_at()
    is_alive = seen is not None and timezone.now() - seen < WORKER_SILENT
    return {"ok": is_alive, "seen_at": seen.isoformat() if seen else None}


def sequencer_state() -> dict[str, Any]:
    """How long the oldest entry has waited for its place in the log."""
    lag = audit.sequencer_lag()
    return {"ok": lag < SEQUENCER_LAG, "lag_s": round(lag.total_seconds(), 3)}


def log_state() -> dict[str, Any]:
    """Whether the log's head is signed (a restored older database is not), and what nobody outside can check yet."""
    trouble, tail = audit.signing_trouble(), audit.unanchored_tail()
    return {
        "ok": not trouble,
        "trouble": trouble,
        "unanchored_entries": tail.entries,
        "oldest_unanchored_at": tail.oldest_at.isoformat() if tail.oldest_at else None,
        "anchored_size": tail.anchored_size,
        "anchoring_troubles": audit.anchoring_troubles(),
    }


def erasures_state() -> dict[str, Any]:
    """Whether a restored backup brought people back who were erased; `erase_person --repeat` erases them again.

    A list that this process cannot read is told and stops nothing: other processes may be the only ones that can.
    """
    try:
        back = len(come_back())
    except (OSError, ValueError) as refused:
        return {"ok": True, "come_back": None, "trouble": f"The list of erased accounts cannot be read: {refused}"}
    return {"ok": not back, "come_back": back}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "database": database_state,
    "migrations": migrations_state,
    "worker": worker_state,
    "sequencer": sequencer_state,
    "log": log_state,
    "erasures": erasures_state,
}


def readiness() -> dict[str, dict[str, Any]]:
    """Each part's state. A database that does not answer is said, not raised."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in PARTS.items():
        try:
            found[name] = state()
        except DatabaseError as error:
            found[name] = {"ok": False, "error": str(error).splitlines()[0] if str(error) else type(error).__name__}
    return found


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether traffic may come: 200 or 503, and each part by name."""
    parts = readiness()
    is_ready = all(part["ok"] for part in parts.values())
    return JsonResponse(
        {"status": "ready" if is_ready else "not ready", "parts": parts}, status=200 if is_ready else 503
    )


def may_read_metrics(request: HttpRequest) -> bool:
    """With the metrics token, or from this machine when no token is set."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus figures, from the database, so that every process tells the same."""
    if not may_read_metrics(request):
        raise NotAllowed("Metrics are read with METRICS_TOKEN, or from this machine when none is set.", code="METRICS")
    registry = CollectorRegistry()
    by_state = Gauge("imprimatur_jobs", "Jobs by state", ["state"], registry=registry)
    for row in Job.objects.values("state").annotate(n=Count("id")):
        by_state.labels(row["state"]).set(row["n"])
    decisions = Gauge("imprimatur_decisions", "Gate decisions by outcome", ["outcome"], registry=registry)
    for answer in Decision.objects.values("outcome").annotate(n=Count("id")).order_by():
        decisions.labels(answer["outcome"]).set(answer["n"])
    Gauge(
        "imprimatur_sequencer_lag_seconds", "Age of the oldest entry without a place in the log", registry=registry
    ).set(audit.sequencer_lag().total_seconds())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")
