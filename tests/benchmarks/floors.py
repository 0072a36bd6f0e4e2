"""Addresses of the product and, beside them, the floors that benchmarks compare with."""

import uuid
from functools import cache
from typing import Any, ClassVar

import psycopg
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.config import database, urls
from apps.gate.doors.asking import read_json

handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500


@login_required
def empty_page(request: HttpRequest) -> HttpResponse:
    """The frame of every page and nothing in it."""
    frame: Any = engines["django"].from_string("{% extends 'base.html' %}")
    return HttpResponse(frame.render({}, request))


class OneRow(APIView):
    """What the gate's door cannot do without: who asks, the question as JSON, one row committed, an answer."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "gate:ask"}

    def post(self, request: Request) -> Response:
        """Commit a row as large as a decision."""
        read_json(request._request)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO floor_row (id, at, body) VALUES (%s, now(), %s)", [uuid.uuid4(), row()])
        return Response({"decision": True})


@cache
def row() -> str:
    """The row that is written."""
    return (settings.VAR / "floor-row").read_text()


def lay(text: str) -> None:
    """Make the table of the floor, and say which row is written into it."""
    (settings.VAR / "floor-row").write_text(text)
    with psycopg.connect(database.address("owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE floor_row (id uuid PRIMARY KEY, at timestamptz NOT NULL, body text NOT NULL)")
        owner.execute("GRANT INSERT ON floor_row TO app")


urlpatterns = [*urls.urlpatterns, path("floor/page", empty_page), path("floor/row", OneRow.as_view())]
