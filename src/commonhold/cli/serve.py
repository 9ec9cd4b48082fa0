"""`commonhold serve`: bind, tell where, and hand over to uvicorn."""

from __future__ import annotations

import errno
import logging
import math
import shlex
import signal
import socket
import sys
import tempfile
from typing import Annotated

import uvicorn
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from uvicorn.supervisors import Multiprocess

from commonhold import compose
from commonhold._version import __version__
from commonhold.cli.console import option, out
from commonhold.cli.logs import log_config
from commonhold.cli.protocol import BoundedProtocol
from commonhold.errors import Unavailable
from commonhold.settings import METRICS_DIR, Settings, export
from commonhold.settings.addresses import redact_url

APP = "commonhold.compose.app:create_app"
BACKLOG = 2048

KEEP_ALIVE_S = 75
"""Longer than clients and load balancers keep an idle connection, so that it is never us who closes
one that a request is already on its way through: agents do not repeat what fails."""

WORKER_PATIENCE_S = 30
"""A worker that does not answer its supervisor for so long is replaced. A busy machine may take
many seconds to start several at once; replacing those would never end."""

_WHERE = "Where it listens"
_KEEP = "What it keeps, and where"
_WHO = "Who may call"
_LOGS = "Logs"

_log = logging.getLogger("commonhold.serve")


def serve(  # noqa: PLR0917  (the options of a command are its parameters)
    host: Annotated[str | None, option("host", _WHERE, "ADDRESS")] = None,
    port: Annotated[str | None, option("port", _WHERE)] = None,
    otlp_grpc_port: Annotated[str | None, option("otlp_grpc_port", _WHERE, "PORT")] = None,
    workers: Annotated[str | None, option("workers", _WHERE, "COUNT")] = None,
    database: Annotated[str | None, option("database", _KEEP, "URL")] = None,
    auto_upgrade: Annotated[bool | None, option("auto_upgrade", _KEEP)] = None,
    traces_forward: Annotated[str | None, option("traces_forward", _KEEP, "URL")] = None,
    auth: Annotated[str | None, option("auth", _WHO, "MODE")] = None,
    insecure: Annotated[bool | None, option("insecure", _WHO)] = None,
    log_level: Annotated[str | None, option("log_level", _LOGS, "LEVEL")] = None,
    log_format: Annotated[str | None, option("log_format", _LOGS, "FORMAT")] = None,
) -> None:
    """Run the service.

    Without any option it keeps everything in the SQLite file [bold]commonhold.db[/bold] of the
    working folder, and only this machine can reach it. Limits and pools are environment variables:
    see docs/reference/settings.md.
    """
    flags = dict(locals())
    settings = Settings.load(flags)
    settings.refuse_unsafe()
    compose.check_callers(settings)
    compose.check_database_url(settings)
    compose.check_otlp_grpc(settings)
    _run(settings)


def _run(settings: Settings) -> None:
    style = log_style(settings)
    sock = _bind(settings)
    port = sock.getsockname()[1]
    export(settings.to_environ())
    config = uvicorn.Config(
        APP,
        factory=True,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        workers=settings.workers,
        backlog=BACKLOG,
        log_config=log_config(settings.log_level, style),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_worker_healthcheck=WORKER_PATIENCE_S,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_s),
    )
    _announce(settings, port)
    if settings.workers == 1:
        _serve_alone(config, sock)
    else:
        with tempfile.TemporaryDirectory(prefix="commonhold-metrics-") as shared:
            export({METRICS_DIR: shared})
            Multiprocess(config, sockets=[sock]).run()
    _log.info("Stopped.")


def _serve_alone(config: uvicorn.Config, sock: socket.socket) -> None:
    # uvicorn raises the signal again once it has shut down in good order. Being told to stop, and
    # stopping, is no failure: the status is 0.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda _number, _frame: None)
    uvicorn.Server(config).run(sockets=[sock])


def log_style(settings: Settings) -> str:
    """`json` or `text`, decided by where standard error goes when nobody decided."""
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if sys.stderr.isatty() else "json"


def _bind(settings: Settings) -> socket.socket:
    """Take the port first: a taken one is told before anything else begins.

    It is not listened on until the service is ready, so nobody connects to wait.

    Raises:
        Unavailable: the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        raise Unavailable(_refused(error, settings)) from error
    sock.set_inheritable(True)
    return sock


def _refused(error: OSError, settings: Settings) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another process. Choose another port with --port."
    if error.errno == errno.EACCES:
        return f"Listening on {where} is not permitted. Ports below 1024 are often reserved."
    return f"Cannot listen on {where}: {error.strerror or error}. Check --host."


def _announce(settings: Settings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    if out.is_terminal:
        _print_banner(settings, url)
    _log.info(
        "Listening on %s",
        url,
        extra={
            "fields": {
                "version": __version__,
                "database": redact_url(settings.database),
                "auth": settings.auth,
                "workers": settings.workers,
            }
        },
    )


def _print_banner(settings: Settings, url: str) -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("[dim]open[/]", f"[bold link={url}]{escape(url)}[/]")
    if settings.otlp_grpc_port:
        facts.add_row("[dim]takes[/]", f"OTLP over gRPC on port {settings.otlp_grpc_port}")
    facts.add_row("[dim]keeps[/]", escape(redact_url(settings.database)))
    facts.add_row("[dim]asks[/]", _who(settings))
    facts.add_row("[dim]stop[/]", "Ctrl+C")
    out.print(f"\n [bold green]●[/] [bold]Commonhold[/] {__version__}\n")
    out.print(Padding(facts, (0, 0, 0, 3)))
    out.print("\n   [dim]Send the first message:[/]")
    out.print(f"   {escape(first_line(url, asks_key=settings.auth != 'none'))}\n")


def _who(settings: Settings) -> str:
    if settings.insecure:
        return "[bold yellow]nobody: everyone who can connect may read and write[/]"
    if "oidc" in settings.modes:
        return f"everybody for a credential (mode {settings.auth})"
    if settings.auth == "keys":
        return "everybody for a key: `commonhold keys create` makes one"
    return f"nobody, so only this machine can connect (mode {settings.auth})"


def first_line(url: str, *, asks_key: bool = False) -> str:
    """The command that sends a first message."""
    key = ' -H "Authorization: Bearer $COMMONHOLD_TOKEN"' if asks_key else ""
    body = '{"messages": [{"role": "user", "content": "Hello"}]}'
    return (
        f"curl -X PUT {url}/a/my-agent/v1/sessions/first"
        f"{key} -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )
