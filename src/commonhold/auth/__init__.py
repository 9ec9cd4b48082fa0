"""Who is asking: from what a request carries to the scope its stores are bound to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from commonhold.model.scope import Scope

Headers = Mapping[bytes, bytes]
"""The headers of one request, names in lower case."""

Authenticator = Callable[[Headers, str | None], Scope]
"""Headers, and the agent named by the URL prefix if any, to the scope of the request.

Raises `Unauthenticated` or `Forbidden`.
"""
