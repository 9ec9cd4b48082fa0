"""Finding the route of a path in one step, where a router asks every route in turn."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from commonhold.http.call import Answer, Call
from commonhold.http.cors import Cors
from commonhold.http.lean import LeanRoute
from commonhold.http.problems import identified

_IN_PATH = re.compile(r"\{\w+\}")


@dataclass(slots=True)
class Resource:
    """One path, as a template, and its routes by method."""

    template: str
    routes: dict[str, LeanRoute] = field(default_factory=dict)
    cors: Cors | None = None

    def welcomes(self, call: Call) -> bool:
        """Whether a page of another origin may send this."""
        return self.cors is not None and self.cors.welcomes(call)

    async def respond(self, call: Call) -> Answer:
        """The answer, with what a browser needs to know of it where pages may send this."""
        if self.cors is None:
            return await self._respond(call)
        ahead = self.cors.preflight(call)
        answer = await self._respond(call) if ahead is None else identified(ahead, call)
        return self.cors.mark(answer, call)

    async def _respond(self, call: Call) -> Answer:
        """The answer of the route for the method, or 405. HEAD is answered wherever GET is."""
        method: str = call.scope["method"]
        route = self.routes.get(method)
        if route is None and method == "HEAD":
            route = self.routes.get("GET")
        if route is None:
            return next(iter(self.routes.values())).refuse(call)
        return await route.respond(call)


class RouteTable:
    """The resources of the service by path.

    Knows `/fixed/paths`, `/v1/noun/{id}[/verb]` and `/v1/noun/{id}/parts/{id}[/verb]`.
    """

    def __init__(self, routes: Iterable[LeanRoute], origins: Collection[str] = ()) -> None:
        self._fixed: dict[str, Resource] = {}
        self._keyed: dict[tuple[str, str], Resource] = {}
        for route in routes:
            template = route.path
            head, brace, tail = template.partition("{")
            if not brace:
                resource = self._fixed.setdefault(template, Resource(template))
            else:
                tail = _IN_PATH.sub("{}", tail.partition("}")[2])
                resource = self._keyed.setdefault((head, tail), Resource(template))
            resource.routes[route.operation.method] = route
        if origins:
            for resource in (*self._fixed.values(), *self._keyed.values()):
                resource.cors = _cors(resource, origins)

    def find(self, path: str) -> tuple[Resource, str, str] | None:
        """The resource at `path`, with or without a trailing slash, and the ids in it."""
        path = path.removesuffix("/")
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, "", ""
        parts = path.split("/", 4)
        if len(parts) < 4 or not parts[3]:
            return None
        tail = f"/{parts[4]}" if len(parts) == 5 else ""
        head = f"/{parts[1]}/{parts[2]}/"
        keyed = self._keyed.get((head, tail))
        if keyed is not None:
            return keyed, parts[3], ""
        return self._find_part(head, parts[3], tail) if tail else None

    def _find_part(self, head: str, key: str, tail: str) -> tuple[Resource, str, str] | None:
        noun, _, rest = tail[1:].partition("/")
        part, slash, verb = rest.partition("/")
        keyed = self._keyed.get((head, f"/{noun}/{{}}{slash}{verb}")) if part else None
        return None if keyed is None else (keyed, key, part)


def _cors(resource: Resource, origins: Collection[str]) -> Cors | None:
    """What a page may do: whatever it could do with a vote token."""
    methods = [name for name, route in resource.routes.items() if route.operation.takes_votes]
    return Cors(origins, methods) if methods else None
