"""A page of another origin votes, with the lines of the documentation and a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from commonhold.auth.vote_token import key_of, sign
from commonhold.model import clock
from commonhold.model.scope import Scope
from commonhold.model.vote import VoteGrant, VoteTarget
from tests import processes
from tests.docs.reference import ROOT
from tests.processes import Process
from tests.web.browser import looked_at

SECRET = "a secret of thirty-two characters"
HOWTO = ROOT / "docs" / "howto" / "thumbs-from-a-web-page.md"

TRIES = """
<p id="tries"></p>
<script type="module">
  const service = "SERVICE";
  const tell = (text) => { document.querySelector("#tries").textContent += `${text};`; };
  document.querySelector("[name=comment]").value = "<b>wrong</b>";
  document.querySelector("[value='-1']").click();
  for (const [token, body] of [["EXPIRED", {}], ["ALTERED", {}], ["GOOD", { turn_index: 5 }]]) {
    const headers = { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" };
    const sent = { method: "POST", headers, body: JSON.stringify({ rating: 1, ...body }) };
    try {
      tell((await fetch(`${service}/v1/feedback`, sent)).status);
    } catch {
      tell("unreadable");
    }
  }
</script>
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[int]:
    """The port of a server of pages, from a folder."""
    (tmp_path / "pages").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "pages"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def service(pages: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """A service that knows the pages under one of their two names."""
    monkeypatch.setenv("COMMONHOLD_CORS_ORIGINS", f"http://127.0.0.1:{pages}")
    monkeypatch.setenv("COMMONHOLD_SECRET", SECRET)
    with processes.service("sqlite:///:memory:", tmp_path) as process:
        yield process


def page(url: str, token: str) -> str:
    """The lines of the documentation, filled in, and tries that must not succeed."""
    found = re.search(r"```html\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    assert found
    given = VoteGrant(Scope(), VoteTarget("trip", 3), "fb_old", clock.now() // 1_000_000 - 1)
    filled = {
        "http://127.0.0.1:8080": url,
        "chv1.…": token,
        "SERVICE": url,
        "EXPIRED": sign(given, key_of(SECRET.encode())),
        "ALTERED": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "GOOD": token,
    }
    text = found[1] + TRIES
    for name, value in filled.items():
        assert name in text
        text = text.replace(name, value)
    return f'<!doctype html><meta charset="utf-8"><title>Trip</title>{text}'


def test_a_page_votes_from_an_origin_that_is_configured_and_from_no_other(
    service: Process, pages: int, tmp_path: Path
) -> None:
    """What it may not is refused in words that it can read; the other page can read nothing."""
    body = {"session_id": "trip", "turn": 3}
    made = httpx2.post(f"{service.url}/a/guide/v1/feedback/tokens", json=body).json()
    (tmp_path / "pages" / "index.html").write_text(page(service.url, made["token"]))

    other, _ = looked_at(f"http://localhost:{pages}/", tmp_path / "other")
    kept_by_other = httpx2.get(f"{service.url}/v1/feedback").json()
    shown, _ = looked_at(f"http://127.0.0.1:{pages}/", tmp_path / "own")
    [kept] = httpx2.get(f"{service.url}/v1/feedback").json()

    assert "<output>The vote could not be sent.</output>" in other
    assert '<p id="tries">unreadable;unreadable;unreadable;</p>' in other
    assert kept_by_other == []
    assert "<output>Thank you.</output>" in shown
    assert '<p id="tries">401;401;403;</p>' in shown
    assert kept["feedback_id"] == made["feedback_id"]
    assert (kept["rating"], kept["comment"], kept["turn_index"]) == (-1, "<b>wrong</b>", 3)
