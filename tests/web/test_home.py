"""The page at `/`: true, harmless, and its lines work as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest
from fipsagents.baseagent.config import load_config_from_string

from commonhold import NewFeedback, Trace, __version__, connect
from commonhold.compose.app import create_app
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.settings import Settings
from commonhold.web import pages
from commonhold.web.home import elapsed
from tests import processes
from tests.processes import Process
from tests.web.browser import looked_at

MESSAGE = '{"role": "user", "content": "Hello"}'


class Page(HTMLParser):
    """What a test asks of a page: its elements with their attributes, and its text by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.by_id: dict[str, str] = {}
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        named = {name: value or "" for name, value in attrs}
        self.elements.append((tag, named))
        if tag == "code":
            self._inside.append(named.get("id", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a code element."""
        if tag == "code":
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Collect the text of code."""
        for name in self._inside:
            self.by_id[name] = self.by_id.get(name, "") + data


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A file of its own."""
    return f"sqlite:///{tmp_path}/x.db"


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The application as it is served, without the socket."""
    app = create_app(Settings(database=database))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as it:
            yield it


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A running service."""
    with processes.service("sqlite:///:memory:", tmp_path_factory.mktemp("web")) as process:
        yield process


async def test_it_says_what_runs_here(client: httpx2.AsyncClient) -> None:
    """Version, kind of database, who may call, and that it is ready."""
    answer = await client.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for told in (__version__, "SQLite", "this machine", "Ready", "none yet"):
        assert told in answer.text
    assert "Nobody is asked" not in answer.text


async def test_it_says_when_the_newest_came(client: httpx2.AsyncClient, database: str) -> None:
    """So that a first attempt to send something is seen to have worked."""
    async with connect(database) as stores:
        await stores.sessions.put("s1", [MESSAGE])
        await stores.feedback.create(NewFeedback(rating=1))
        await stores.traces.put(Trace("t1", started_at=Micros(clock.now() - 7_200_000_000)))

    html = (await client.get("/")).text

    assert html.count("second") >= 2
    assert "newest 2 hours ago" in html
    assert "none yet" not in html


async def test_it_says_why_it_is_not_ready(tmp_path: Path) -> None:
    """The page is there all the same, with the way to send data later."""
    app = create_app(Settings(database=f"sqlite:///{tmp_path}/x.db", auto_upgrade=False))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/")

    assert answer.status_code == 200
    assert "Not ready" in answer.text
    assert "commonhold db upgrade" in answer.text
    assert "Kept here" not in answer.text


async def test_it_warns_of_an_open_door(database: str) -> None:
    """Where nobody can miss it."""
    app = create_app(Settings(database=database, host="0.0.0.0", insecure=True))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://box:80") as client:
            answer = await client.get("/")

    assert "Nobody is asked who they are." in answer.text
    assert "http://box/a/my-agent" in answer.text.replace("http://box:80", "http://box")


async def test_it_runs_nothing_that_is_not_packaged(client: httpx2.AsyncClient) -> None:
    """No inline script or style, nothing from elsewhere, and the browser is told so."""
    answer = await client.get("/")
    page = Page(answer.text)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    inline = [
        (tag, name) for tag, named in page.elements for name in named if name.startswith("on")
    ]
    assert not inline
    assert not [tag for tag, named in page.elements if "style" in named or tag == "style"]
    assert not [named for tag, named in page.elements if tag == "script" and "src" not in named]
    sources = [named.get("src") or named.get("href", "") for _, named in page.elements]
    assert not [source for source in sources if "//" in source]


async def test_every_file_and_link_of_it_is_there(client: httpx2.AsyncClient) -> None:
    """With the type a browser wants, and kept only while its contents are the same."""
    page = Page((await client.get("/")).text)
    files = {named[a] for _, named in page.elements for a in ("src", "href") if a in named}

    for name in files - {"#send"}:
        answer = await client.get(f"/{name}")
        assert answer.status_code == 200, name
        if name.startswith("static/"):
            assert "max-age" in answer.headers["cache-control"]
            assert answer.headers["x-content-type-options"] == "nosniff"
    types = {name: (await client.get(f"/static/{name}")).headers for name in pages._FILES}
    assert types["site.css"]["content-type"].startswith("text/css")
    assert types["copy.js"]["content-type"].startswith("text/javascript")
    assert types["mark.svg"]["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.css", "..%2fpages.py", "%2e%2e/home.py", ""])
async def test_no_other_file_can_be_had(name: str, client: httpx2.AsyncClient) -> None:
    """Files are looked up by name, never by path."""
    answer = await client.get(f"/static/{name}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["x;rm", "x y", "a'b", '"><script>', "x$(id)", "u@h", "h/p"])
async def test_a_line_to_copy_holds_no_trap(host: str, database: str) -> None:
    """It goes into a shell: what a caller claims to have asked for is not put into it."""
    app = create_app(Settings(database=database, insecure=True))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://ok") as client:
            answer = await client.get("/", headers={"Host": host})

    assert answer.status_code == 200
    assert host not in answer.text
    assert "curl -X PUT http://127.0.0.1:8080/" in Page(answer.text).by_id["curl"]


async def test_head_is_answered_without_the_page(client: httpx2.AsyncClient) -> None:
    """As everywhere."""
    answer = await client.head("/")

    assert answer.status_code == 200
    assert answer.content == b""


async def test_the_page_is_no_part_of_the_api(client: httpx2.AsyncClient) -> None:
    """It is for people; programs have /readyz."""
    paths = (await client.get("/openapi.json")).json()["paths"]

    assert "/" not in paths
    assert not [path for path in paths if "static" in path]


async def test_the_page_has_a_name_in_the_numbers(client: httpx2.AsyncClient) -> None:
    """And its files share one."""
    await client.get("/")
    await client.get("/static/site.css")

    numbers = (await client.get("/metrics")).text

    assert 'route="/"' in numbers
    assert 'route="/static/{name}"' in numbers


def test_the_shell_lines_work(service: Process) -> None:
    """They save a session and read it back."""
    lines = Page(httpx2.get(service.url).text).by_id["curl"]

    done = subprocess.run(["bash", "-ec", lines], capture_output=True, text=True, check=True)

    assert service.url in lines
    assert '{"session_id":"first","messages":[' in done.stdout


def test_the_python_program_works(service: Process, tmp_path: Path) -> None:
    """With nothing but the client."""
    program = Page(httpx2.get(service.url).text).by_id["python"]

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[{'role': 'user', 'content': 'Hello'}]\n"
    listed = httpx2.get(f"{service.url}/v1/sessions?agent=my-agent").json()
    assert listed


def test_the_agent_configuration_is_one(service: Process) -> None:
    """As the agent framework reads it."""
    text = Page(httpx2.get(service.url).text).by_id["fipsagents"]

    server = load_config_from_string(text).server

    assert server.storage.backend == "http"
    assert server.storage.platform_url == f"{service.url}/a/my-agent"
    assert server.sessions.enabled
    assert server.traces.enabled
    assert server.feedback.enabled


def test_a_browser_finds_nothing_wrong_with_it(service: Process, tmp_path: Path) -> None:
    """The script runs under the policy and adds its buttons; nothing is refused."""
    page, console = looked_at(service.url, tmp_path)

    assert page.count('class="copy"') == 3
    assert not re.search(r"CONSOLE.*(Refused|violates|Error)", console)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7199, "1 hour"),
        (7200, "2 hours"),
        (86400, "1 day"),
        (400 * 86400, "400 days"),
    ],
)
def test_a_distance_in_time_is_told_in_its_largest_unit(seconds: int, told: str) -> None:
    """Nobody reads 7200 seconds."""
    assert elapsed(Micros(0), Micros(seconds * 1_000_000)) == told
