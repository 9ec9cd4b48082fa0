"""What every problem document must be."""

from __future__ import annotations

from typing import Any

import httpx2

from commonhold.errors import BY_CODE


def told(response: httpx2.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of `response`, which must be one, whole and without a trace."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["code"] in BY_CODE
    assert problem["type"] == f"urn:commonhold:problem:{problem['code']}"
    assert problem["title"]
    assert isinstance(problem["detail"], str)
    assert problem["detail"]
    assert problem["instance"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    if code is not None:
        assert problem["code"] == code
    return dict(problem)


def fields(response: httpx2.Response) -> list[list[str | int]]:
    """Which fields a problem document names."""
    return [error["loc"] for error in told(response, response.status_code).get("errors", [])]
