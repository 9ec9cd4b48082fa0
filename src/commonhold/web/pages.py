"""Templates and packaged files, with the headers that keep a page from being turned against us."""

from __future__ import annotations

import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from commonhold.errors import NotFound

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES = {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir())}
_STAMP = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]

_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["stamp"] = _STAMP

SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def render(template: str, **values: object) -> Response:
    """A page. Every value is escaped; nothing is cached, since it tells how things are now."""
    html = _TEMPLATES.get_template(template).render(**values)
    return Response(html, media_type="text/html", headers={**SAFE, "Cache-Control": "no-store"})


async def static(request: Request) -> Response:
    """A packaged file; its address carries a stamp of the contents, so it may be kept."""
    name = request.path_params["name"]
    content = _FILES.get(name)
    if content is None:
        raise NotFound(f"There is no file {name!r} here.")
    kept = request.url.query == _STAMP
    headers = {**SAFE, "Cache-Control": "public, max-age=31536000" if kept else "no-cache"}
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)
