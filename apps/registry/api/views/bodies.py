"""Reading a request body through its shape."""

from typing import Any

from rest_framework.request import Request

WRITES = {"GET": "read", "POST": "registry:write", "PUT": "registry:write", "PATCH": "registry:write"}


def read(shape: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request; ValidationError with pointers otherwise."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)
