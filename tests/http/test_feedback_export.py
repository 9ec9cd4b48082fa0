"""Feedback as files, over HTTP: what readers of data sets load, whole or in parts."""

from __future__ import annotations

import io
import sys
import tracemalloc
from collections.abc import Mapping

import httpx2
import pandas as pd
import pyarrow.json
import pyarrow.parquet
import pytest

from commonhold.contract.stores import Stores
from commonhold.errors import Unsupported
from commonhold.model.score import NewScore
from commonhold.service import learning
from commonhold.service.learning import Export
from commonhold.service.lesson_context import MAX_MESSAGES
from commonhold.sql import SqlBackend
from commonhold.testing.factories import message
from tests.http import problems
from tests.verdicts import CHAT, FORMULA, PREFERENCE, VERDICTS, fill, lines

PATH = "/v1/feedback/export"


@pytest.fixture
async def filled(service: httpx2.AsyncClient, backend: SqlBackend) -> httpx2.AsyncClient:
    """The service with a conversation and what was thought of it."""
    await fill(Stores.on(backend))
    return service


async def exported(client: httpx2.AsyncClient, **asked: str) -> httpx2.Response:
    """A file."""
    answer = await client.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    return answer


async def test_the_records_are_what_the_list_has(filled: httpx2.AsyncClient) -> None:
    """Newest first, with every field, and filters narrow both alike."""
    for asked in ({}, {"rating": "1"}, {"has_correction": "true"}, {"max_value": "-0.1"}):
        listed = (await filled.get("/v1/scores", params=asked)).json()
        told = lines((await exported(filled, **asked)).text)
        assert [line.pop("cursor") and line for line in told] == listed
    answer = await exported(filled, shape="turns")
    assert answer.headers["content-disposition"] == 'attachment; filename="feedback-turns.jsonl"'
    turns = [(line["question"], line["answer"]) for line in lines(answer.text)]
    last, first = ("And when will it come?", "Never."), ("Where is my order?", "In Bern.")
    assert turns == [last, last, first]


async def test_data_set_readers_load_what_is_learned_from(filled: httpx2.AsyncClient) -> None:
    """The JSON readers of pandas and of pyarrow, as `datasets` reads with, and of Parquet."""
    for shape, expected in (("chat", CHAT), ("preference", PREFERENCE)):
        text = (await exported(filled, shape=shape)).content
        assert lines(text) == expected
        table = pyarrow.json.read_json(io.BytesIO(text))
        assert [without_none(row) for row in table.to_pylist()] == expected
        assert pd.read_json(io.BytesIO(text), lines=True).to_dict("records") == expected
        parquet = await exported(filled, shape=shape, format="parquet")
        assert [without_none(row) for row in rows(parquet)] == expected


async def test_parquet_has_the_columns_and_values_of_the_records(
    filled: httpx2.AsyncClient,
) -> None:
    """Times are times, numbers numbers, JSON its text, and the turn stands beside the target."""
    table = rows(await exported(filled, format="parquet", shape="turns"))
    told = lines((await exported(filled, shape="turns")).text)
    for row, line in zip(table, told, strict=True):
        same = ("score_id", "rating", "value_num", "comment", "correction", "question", "answer")
        assert [row[name] for name in same] == [line[name] for name in same]
        assert row["created_at"].isoformat() == line["created_at"]
        assert (row["turn_seq"], row["turn_agent"]) == (line["turn"]["seq"], "orders")
        assert (row["metadata"], row["value_json"]) == ("{}", None)


async def test_a_spreadsheet_runs_nothing(filled: httpx2.AsyncClient) -> None:
    """A formula in a comment is a text, a negative value a number, and it is a download."""
    answer = await exported(filled, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    escaped = FORMULA.replace('"', '""')
    assert f'"\'{escaped}"' in answer.text
    assert f'"{escaped}"' not in answer.text
    assert '"-0.5"' in answer.text
    assert "\x1b" not in answer.text
    assert answer.text.count("\r\n") == 1 + len(VERDICTS)


async def test_it_goes_on_behind_any_line_or_page(filled: httpx2.AsyncClient) -> None:
    """The cursor of a line, and the link of a page, lose nothing and double nothing."""
    whole = lines((await exported(filled)).text)
    for at, line in enumerate(whole):
        assert lines((await exported(filled, cursor=line["cursor"])).text) == whole[at + 1 :]
    for shape, expected in (("records", whole), ("chat", CHAT), ("preference", PREFERENCE)):
        found, url = [], f"{PATH}?shape={shape}&limit=1"
        while url:
            answer = await filled.get(url)
            found += lines(answer.text)
            url = answer.links["next"]["url"] if answer.links else ""
        assert found == expected


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("format=xls", "expected one of jsonl, csv, parquet"),
        ("shape=pairs", "expected one of records, turns, chat, preference"),
        ("limit=1001", "expected a whole number from 1 to 1000"),
        ("cursor=forged", "expected the cursor of an earlier page"),
        ("rating=0", "expected one of 1, -1"),
        ("since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "must not be after until"),
    ],
)
async def test_a_wrong_question_is_answered_as_such(
    filled: httpx2.AsyncClient, query: str, told: str
) -> None:
    """Before the file begins, with what is allowed."""
    problem = problems.told(await filled.get(f"{PATH}?{query}"), 422, "invalid_request")
    assert told in problem["detail"]


async def test_a_service_without_pyarrow_says_what_to_install(
    filled: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """501, and the other formats go on."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "commonhold.service.lesson_parquet", False)
    problem = problems.told(await filled.get(f"{PATH}?format=parquet"), Unsupported.status)
    assert "pip install 'commonhold[parquet]'" in problem["detail"]
    await exported(filled)


def rows(answer: httpx2.Response) -> list[dict]:
    """The rows of a Parquet file."""
    return pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()


def without_none(value: object) -> object:
    """A value without the fields that only other rows have."""
    if isinstance(value, Mapping):
        return {key: without_none(each) for key, each in value.items() if each is not None}
    return [without_none(each) for each in value] if isinstance(value, list) else value


async def test_a_conversation_is_told_as_it_was_when_it_was_answered(
    service: httpx2.AsyncClient, backend: SqlBackend
) -> None:
    """Its system message first however long ago; and what was compacted later is still there."""
    talk = [message("s0", "Be brief.", role="system")]
    for n in range(80):
        talk += [message(f"q{n}", f"q{n}"), message(f"a{n}", f"a{n}", role="assistant")]
    await backend.sessions.append("long", talk)
    vote = NewScore(value_num=1, session_id="long", turn_index=79)
    await backend.feedback.put_scores([vote])
    summary = message("s1", "They counted.", role="system")
    await backend.sessions.put("long", [talk[0], summary, *talk[-2:], message("q80", "q80")])

    [line] = lines((await exported(service, shape="chat")).text)
    system, *spoken, answer = [each["content"] for each in line["messages"]]
    assert (system, answer) == ("Be brief.", "a79")
    assert spoken[-3:] == ["q78", "a78", "q79"]
    assert 90 < len(spoken) <= MAX_MESSAGES


async def test_memory_does_not_grow_with_what_is_exported(
    backend: SqlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four times the records take no more of it: a page is held, and no file."""
    monkeypatch.setattr(learning, "PAGE", 50)
    comment = "x" * 10_000
    peaks: list[int] = []
    for _ in range(2):
        for _ in range(2 if not peaks else 6):
            new = [NewScore(value_num=1, comment=comment) for _ in range(50)]
            await backend.feedback.put_scores(new)
        tracemalloc.start()
        size = 0
        async for piece in learning.exported(Stores.on(backend), Export()):
            size += len(piece.data)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert size > 100 * len(comment)
    assert peaks[1] < 1.5 * peaks[0]
