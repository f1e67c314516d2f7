"""How the server refuses a request."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An answer with an HTTP status of 400 or more, and a body of the protocol's shape."""

    def __init__(self, status: int, error_type: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, error_type, message, headers)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.headers = headers or {}


def invalid(message: str) -> ApiError:
    """Status 400: the request is at fault."""
    return ApiError(400, "invalid_request_error", message)
