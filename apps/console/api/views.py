"""Jobs over HTTP: state, progress in words, result."""

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.queries import sees_everything
from apps.core import jobs
from apps.core.errors import NotAllowed, NotFound, WrongState
from apps.core.models import Job
from apps.core.rest import ApiView, Problem

EXAMPLE = OpenApiExample(
    "A check at work",
    response_only=True,
    value={
        "id": "0193a5c2-9f1e-7c3a-8b52-6f1d2c3b4a59",
        "task": "evidence.measure",
        "subject": "model_version:0193a5c2-9f1e-7c3a-8b52-6f1d2c3b4a50",
        "state": "running",
        "stage": "Reading rows",
        "done": 400,
        "total": 1000,
        "attempts": 1,
        "error": "",
        "result": None,
        "created_at": "2026-11-23T09:00:00Z",
        "finished_at": None,
    },
)


class JobRow(serializers.ModelSerializer[Job]):
    """A job and how far it is."""

    result = serializers.JSONField(allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id", "task", "subject", "state", "stage", "done", "total", "attempts", "error", "result", "created_at", "finished_at",
        ]  # fmt: skip


def visible_job(request: Request, pk: Any) -> Job:
    """The job, for who asked for it and who sees everything; others are told that there is none."""
    job = get_object_or_404(Job, pk=pk)
    if job.requested_by != request.user.pk and not sees_everything(request.user):
        raise NotFound("There is no such job, or you may not see it.")
    return job


class JobView(ApiView):
    """One job."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(responses={200: JobRow, (404, "application/problem+json"): Problem}, examples=[EXAMPLE])
    def get(self, request: Request, pk: str) -> Response:
        """State, progress in words, result."""
        return Response(JobRow(visible_job(request, pk)).data)


class JobCancel(ApiView):
    """Stop a job."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "evidence:write"}

    @extend_schema(
        request=None, responses={200: JobRow, (409, "application/problem+json"): Problem}, examples=[EXAMPLE]
    )
    def post(self, request: Request, pk: str) -> Response:
        """Cancel a job that is not over; what it had done so far is dropped."""
        job = visible_job(request, pk)
        if job.requested_by != request.user.pk:
            raise NotAllowed("Only who asked for a job may cancel it.", code="NOT_YOURS")
        if not jobs.cancel(job):
            raise WrongState(f"This job is over: {job.get_state_display().lower()}.", code="JOB_IS_OVER")
        job.refresh_from_db()
        return Response(JobRow(job).data)
