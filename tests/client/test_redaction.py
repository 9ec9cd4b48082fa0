"""Credentials of a URL, and tokens, are in no error, no log line and no printed object."""

from __future__ import annotations

import logging
import traceback

import pytest

import commonhold
from commonhold import CommonholdError, NewFeedback
from commonhold.client import Retry, Timeouts, address, open_backend
from commonhold.settings import ClientSettings
from tests.client.misbehaving import Behaviour, Drop, Hang, Reply, page, problem, serving

PASSWORD, TOKEN = "pa55word", "t0ken-s3cret"
FAILURES: dict[str, Behaviour] = {
    "drop": Drop(),
    "hang": Hang(),
    "html": page(200),
    "not found": page(404),
    "gateway": page(502),
    "redirect": page(301, location="https://elsewhere.example/"),
    "other version": Reply(200, b'{"session_id":1}'),
    "bug": problem(500, "internal"),
    "unauthenticated": problem(401, "unauthenticated"),
    "junk": Reply(200, b"", {"content-length": "17", "content-encoding": "gzip"}),
}


def secret_url(url: str) -> str:
    """The same service, with a user and a password."""
    return url.replace("//", f"//me:{PASSWORD}@")


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_no_failure_tells_a_credential(
    failure: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error, nor its whole chain of causes, nor any log at debug."""
    caplog.set_level(logging.DEBUG)
    async with serving(failure) as server:
        for token in (None, TOKEN):
            backend = open_backend(
                secret_url(server.url),
                timeout=Timeouts(read_s=0.05),
                retry=Retry(attempts=2, base_s=0.0),
                token=token,
            )
            for call in (
                backend.sessions.get("s1"),
                backend.sessions.put("s1", ["{}"]),
                backend.feedback.create(NewFeedback(rating=1)),
                backend.check(),
            ):
                try:
                    await call
                except CommonholdError as error:
                    told = "".join(traceback.format_exception(error))
                    assert PASSWORD not in told
                    assert TOKEN not in told
            await backend.aclose()
    assert PASSWORD not in caplog.text
    assert TOKEN not in caplog.text
    assert server.seen


async def test_a_service_that_cannot_be_reached_is_named_without_its_credential() -> None:
    """The host and port are what helps; stars show that there was a user."""
    async with serving() as gone:
        url = gone.url
    backend = open_backend(secret_url(url), retry=Retry(attempts=1))
    with pytest.raises(CommonholdError) as caught:
        await backend.sessions.get("s1")
    await backend.aclose()
    told = "".join(traceback.format_exception(caught.value))
    assert url.replace("//", "//***@") in caught.value.detail
    assert PASSWORD not in told


def test_printing_shows_no_credential() -> None:
    """Settings and addresses are printed by accident, in a debugger or a log."""
    place = address.parse(f"https://me:{PASSWORD}@host/x", TOKEN)
    known = ClientSettings(url=f"https://me:{PASSWORD}@host", token=TOKEN)
    for shown in (repr(place), repr(known), repr(commonhold.connect(settings=known))):
        assert PASSWORD not in shown
        assert TOKEN not in shown
    assert place.authorization == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{PASSWORD}@host:port/",
        f"https://me:{PASSWORD}@[bad/",
        f"ftp://me:{PASSWORD}@host/",
        f"https://host/?token={PASSWORD}",
        f"https://me:{PASSWORD}@/x",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    """The mistake may be in the very part that holds the secret."""
    with pytest.raises(CommonholdError) as caught:
        open_backend(url)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
