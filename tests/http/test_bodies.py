"""Bodies that are hostile, broken, compressed or too large."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from commonhold.http import HttpOptions
from tests.http.problems import told

LIMIT = 256 * 1024
JSON = {"content-type": "application/json"}
TAKES_A_BODY = [
    ("POST", "/v1/sessions"),
    ("PUT", "/v1/sessions/s"),
    ("PATCH", "/v1/sessions/s"),
    ("PATCH", "/v1/sessions/s/state"),
    ("POST", "/v1/sessions/s/fork"),
    ("POST", "/v1/sessions/s/revert"),
    ("POST", "/v1/traces"),
    ("POST", "/v1/feedback"),
    ("PATCH", "/v1/feedback/fb_1"),
]
DEEP = b"[" * 100_000 + b"]" * 100_000
NOT_JSON = {
    "words": b"hello",
    "cut off": b'{"a": ',
    "single quotes": b"{'a': 1}",
    "trailing": b"{} {}",
    "nested 100,000 deep": DEEP,
    "deep in an unknown key": b'{"x":' + DEEP + b"}",
    "NaN": b'{"x": NaN}',
    "Infinity": b'{"x": [-Infinity]}',
    "a lone surrogate": b'{"x": "\\ud800"}',
    "half a pair": b'{"x": "\\udc00\\ud800"}',
    "UTF-16": '{"x": 1}'.encode("utf-16"),
    "a control character": b'{"x": "\x01"}',
    "an array": b"[]",
    "a string": b'"x"',
    "a number": b"5",
    "null": b"null",
    "blank": b"   ",
}


@pytest.fixture
def options() -> HttpOptions:
    """Small enough to be exceeded in a moment."""
    return HttpOptions(max_body_bytes=LIMIT)


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_no_json_object_is_422(client: httpx2.AsyncClient, body: bytes) -> None:
    """On every route that takes a body, whatever else may be wrong."""
    for method, path in TAKES_A_BODY:
        answer = await client.request(method, path, content=body, headers=JSON)
        told(answer, 422, "invalid_request")


IN_MESSAGES = {
    "not an object": b"5",
    "deep": DEEP,
    "NaN": b'{"a": NaN}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a number past a double": b'{"a": 1e999}',
    "not UTF-8": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("message", IN_MESSAGES.values(), ids=IN_MESSAGES.keys())
async def test_a_message_that_could_not_be_read_back_is_422(
    client: httpx2.AsyncClient, message: bytes
) -> None:
    """And nothing of its list is kept."""
    body = b'{"messages": [{"role": "user"}, %b]}' % message

    told(await client.put("/v1/sessions/s", content=body, headers=JSON), 422, "invalid_request")
    told(await client.get("/v1/sessions/s"), 404)


@pytest.mark.parametrize("messages", [None, 5, "x", True, {}, [5], ["x"], [[]], [None], [True]])
async def test_messages_must_be_a_list_of_objects(
    client: httpx2.AsyncClient, messages: object
) -> None:
    """Anything else is 422, null included."""
    answer = await client.put("/v1/sessions/s", json={"messages": messages})

    assert told(answer, 422)["errors"][0]["loc"][:1] == ["body"]
    told(await client.get("/v1/sessions/s"), 404)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("session_id", (5, True, [], "", "a/b", "a" * 129, "ä", "a\0")),
        ("title", (5, True, [], "x" * 513, "a\0b")),
        ("metadata", (5, True, [], "x")),
        ("parent_session_id", (5, True, [], "", "a/b", "a" * 129, "a\0b")),
        ("forked_at_message_id", (5, True, [], "a\0b")),
        ("permission_scope_active", (5, True, [], "a\0b")),
    ],
)
async def test_wrong_types_of_a_new_session_are_422(
    client: httpx2.AsyncClient, name: str, values: tuple[object, ...]
) -> None:
    """The error names the field."""
    for value in values:
        answer = await client.post("/v1/sessions", json={name: value})
        assert told(answer, 422)["errors"][0]["loc"] == ["body", name], value


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("PATCH", "/v1/sessions/s", "cost_data"),
        ("POST", "/v1/sessions/s/fork", "from_message_index"),
        ("POST", "/v1/sessions/s/revert", "to_message_index"),
    ],
)
@pytest.mark.parametrize("value", ["x", True, [], 1.5])
async def test_wrong_types_of_session_writes_are_422(
    client: httpx2.AsyncClient, method: str, path: str, name: str, value: object
) -> None:
    """Whatever the rest of the request is."""
    await client.put("/v1/sessions/s", json={"messages": []})
    answer = await client.request(method, path, json={name: value})

    assert told(answer, 422)["errors"][0]["loc"] == ["body", name]


@pytest.mark.parametrize("index", [10**30, 2**63, -(2**63) - 1])
async def test_an_index_past_any_database_is_refused(
    client: httpx2.AsyncClient, index: int
) -> None:
    """As out of range, like any other index there is not."""
    await client.put("/v1/sessions/s", json={"messages": []})
    fork = await client.post("/v1/sessions/s/fork", json={"from_message_index": index})
    revert = await client.post("/v1/sessions/s/revert", json={"to_message_index": index})

    for answer in (fork, revert):
        told(answer, 400, "out_of_range")


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "x"])
async def test_a_body_that_says_it_is_no_json_is_415(
    client: httpx2.AsyncClient, media: str
) -> None:
    """A form cannot be posted here from any page."""
    for method, path in TAKES_A_BODY:
        headers = {"content-type": media}
        answer = await client.request(method, path, content=b"{}", headers=headers)
        told(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media", [None, "application/json;charset=utf-8", "application/x+json"])
async def test_a_body_may_say_nothing_or_any_json(
    client: httpx2.AsyncClient, media: str | None
) -> None:
    """Old scripts leave the type out."""
    headers = {} if media is None else {"content-type": media}
    answer = await client.put("/v1/sessions/s", content=b'{"messages":[]}', headers=headers)

    assert answer.status_code == 200


BODY = json.dumps({"messages": [{"role": "user", "content": "x" * 20_000}]}).encode()


def raw_deflate(data: bytes) -> bytes:
    """Deflate without its wrapping, as some clients send it."""
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


COMPRESSED = {
    "gzip": ("gzip", gzip.compress(BODY)),
    "shouted": ("GZIP", gzip.compress(BODY)),
    "by its old name": ("x-gzip", gzip.compress(BODY)),
    "two members": ("gzip", gzip.compress(BODY[:100]) + gzip.compress(BODY[100:])),
    "padded": ("gzip", gzip.compress(BODY) + bytes(8)),
    "large": ("gzip", gzip.compress(BODY, 0)),
    "deflate": ("deflate", zlib.compress(BODY)),
    "raw deflate": ("deflate", raw_deflate(BODY)),
    "identity": ("identity", BODY),
}


@pytest.mark.parametrize(("encoding", "body"), COMPRESSED.values(), ids=COMPRESSED.keys())
async def test_a_compressed_body_is_read(
    client: httpx2.AsyncClient, encoding: str, body: bytes
) -> None:
    """Gzip with all its members, and both things that are called deflate."""
    headers = {"content-encoding": encoding}
    saved = await client.put("/v1/sessions/s", content=body, headers=headers)

    assert saved.status_code == 200, saved.text
    assert (await client.get("/v1/sessions/s")).json()["messages"] == json.loads(BODY)["messages"]


BROKEN = {
    "not gzip": ("gzip", BODY),
    "without its end": ("gzip", gzip.compress(BODY)[:-10]),
    "its beginning": ("gzip", gzip.compress(BODY)[:20]),
    "a wrong checksum": ("gzip", gzip.compress(BODY)[:-6] + b"xxxxxx"),
    "not deflate": ("deflate", BODY),
    "deflate cut off": ("deflate", zlib.compress(BODY)[:-3]),
}


@pytest.mark.parametrize(("encoding", "body"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_compression_is_400(
    client: httpx2.AsyncClient, encoding: str, body: bytes
) -> None:
    """Nothing is kept of it."""
    headers = {"content-encoding": encoding}
    told(await client.put("/v1/sessions/s", content=body, headers=headers), 400, "malformed_body")
    told(await client.get("/v1/sessions/s"), 404)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "snappy"])
async def test_another_compression_is_415(client: httpx2.AsyncClient, encoding: str) -> None:
    """It is named."""
    headers = {"content-encoding": encoding}
    answer = await client.put("/v1/sessions/s", content=BODY, headers=headers)

    assert encoding in told(answer, 415, "unsupported_media_type")["detail"]


async def test_an_empty_body_needs_no_decompression(client: httpx2.AsyncClient) -> None:
    """Some clients set the header once and for all."""
    answer = await client.post("/v1/sessions", headers={"content-encoding": "gzip"})

    assert answer.status_code == 201


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body without a length."""
    yield b'{"messages": [{"x": "'
    for _ in range(size // 1024):
        yield b"x" * 1024
    yield b'"}]}'


async def test_a_body_past_the_limit_is_413(client: httpx2.AsyncClient) -> None:
    """With a length or without, as sent or decompressed; up to the limit it is fine."""
    fits = b'{"messages":[{"x":"%b"}]}'
    fits = fits % (b"x" * (LIMIT - len(fits) + 2))
    bomb = gzip.compress(b"\0" * (LIMIT * 50))
    answers = [
        await client.put("/v1/sessions/a", content=fits + b" "),
        await client.put("/v1/sessions/b", content=pieces(LIMIT + 1024)),
        await client.put("/v1/sessions/c", content=bomb, headers={"content-encoding": "gzip"}),
    ]

    assert len(fits) == LIMIT
    assert (await client.put("/v1/sessions/d", content=fits)).status_code == 200
    assert (await client.put("/v1/sessions/e", content=pieces(LIMIT // 2))).status_code == 200
    for answer in answers:
        assert str(LIMIT) in told(answer, 413, "payload_too_large")["detail"]
    sessions = (await client.get("/v1/sessions")).json()
    assert sorted(session["session_id"] for session in sessions) == ["d", "e"]
