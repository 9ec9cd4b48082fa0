"""Sessions: found by the words of their messages and of their title."""

from __future__ import annotations

import json

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Scope
from commonhold.model.session import NewSession, PutMode, SessionQuery
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import message, messages
from commonhold.testing.suite.reading import all_of, error_of


async def searched(backend: Backend, q: str) -> list[str]:
    """The ids of the sessions that a search finds, in order of their names."""
    listed = await all_of(backend.sessions.list, SessionQuery(limit=5, q=q))
    return sorted(item.session_id for item in listed)


def said(**fields: object) -> JsonText:
    """A message of an agent with whatever fields."""
    return JsonText(json.dumps({"role": "assistant", **fields}))


SAYINGS = {
    "content": said(content="the needle in the haystack"),
    "part": said(
        content=[{"type": "text", "text": "a thread"}, {"type": "text", "text": "needle"}]
    ),
    "result": said(content=[{"type": "tool_result", "content": [{"text": "needle"}]}]),
    "reasoning": said(content="", reasoning_content="I look for a needle"),
    "refusal": said(content=None, refusal="No needle for you"),
    "called": said(
        content=None,
        tool_calls=[
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "find", "arguments": '{"thing": "needle"}'},
            }
        ],
    ),
    "item": said(type="function_call", name="find", arguments='{"thing":"needle"}'),
    "output": said(type="function_call_output", output="one needle"),
    "used": said(content=[{"type": "tool_use", "name": "find", "input": {"things": ["needle"]}}]),
}


@pytest.mark.parametrize("name", SAYINGS)
async def test_a_word_is_found_wherever_it_was_said(backend: Backend, name: str) -> None:
    """S12. As content, in a part of it, in the arguments and the result of a tool."""
    await backend.sessions.append("chat", [SAYINGS[name]])
    await backend.sessions.append("other", [message("m1", "hay")])
    assert await searched(backend, "needle") == ["chat"]
    assert await searched(backend, "needles") == []


@pytest.mark.parametrize("way", ["append", "put", "merge", "replace"])
async def test_a_message_is_found_however_it_was_written(backend: Backend, way: str) -> None:
    """S12. By an append, by the first PUT, by one that merges or replaces."""
    sessions = backend.sessions
    if way == "append":
        await sessions.append("chat", messages("m1"))
        await sessions.append("chat", [message("m2", "needle")])
    elif way == "put":
        await sessions.put("chat", [message("m2", "needle")])
    else:
        await sessions.put("chat", messages("m1", "m3"))
        mode: PutMode = "replace" if way == "replace" else "merge"
        await sessions.put("chat", [*messages("m1"), message("m2", "needle")], mode=mode)
    assert await searched(backend, "needle") == ["chat"]


async def test_a_title_is_found_by_its_words(backend: Backend) -> None:
    """S12. A session without a message is found by it, and no message is mixed with it."""
    await backend.sessions.create(NewSession("titled", title="Weather in Zürich"))
    await backend.sessions.append("titled", [message("m1", "rain")])
    assert await searched(backend, "zürich weather") == ["titled"]
    assert await searched(backend, "weather rain") == []


async def test_all_words_are_in_one_message(backend: Backend) -> None:
    """S12. In whatever order, however often."""
    await backend.sessions.append("one", [message("m1", "red apples and green pears")])
    await backend.sessions.append("two", [message("m1", "red apples"), message("m2", "pears")])
    assert await searched(backend, "pears red") == ["one"]
    assert await searched(backend, "pears pears PEARS") == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "q", "others"),
    [
        ("Rain in ZÜRICH", "zürich", ("zurich", "zuerich", "züric")),
        ("straße", "STRASSE", ("strase",)),
        ("naïve café", "CAFÉ naïve", ("cafe", "naive")),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", ("οδυ",)),
        ("Привет, мир", "МИР привет", ("приве",)),
        ("天気は晴れ", "晴", ("雨",)),
        ("天気は晴れ", "天気", ("天雨",)),
        ("서울 날씨", "서울", ("부산",)),
        ("snake_case and kebab-case", "snake_case", ("snake",)),
        ("kebab-case", "case", ("cas",)),
        ("version 3.11.2", "11", ("1",)),
        ("don't", "don", ("dont",)),
        ("a😀b", "b", ("ab",)),
        ("𐓏𐓘 ꭰ 𞤀𞤣", "𞤀𞤣", ("𞤀",)),
        ("ab\u19b0xy \u1cf2z", "ab\u19b0xy", ("abxy",)),
        ("don\u2019t \u00b2\u2167", "\u00b2\u2167", ("x",)),
    ],
    ids=ascii,
)
async def test_a_word_is_a_run_of_letters_in_any_case(
    backend: Backend, text: str, q: str, others: tuple[str, ...]
) -> None:
    """S12. Accents are part of a letter; where no space is set between words, each sign is one."""
    await backend.sessions.append("chat", [message("m1", text)])
    assert await searched(backend, q) == ["chat"]
    for other in others:
        assert await searched(backend, other) == []


async def test_the_beginning_of_a_word_is_found_with_a_star(backend: Backend) -> None:
    """S12. It stands at the end of a word only, and the other words are still whole."""
    await backend.sessions.append("chat", [message("m1", "Donaudampfschiff on the Danube")])
    assert await searched(backend, "donau*") == ["chat"]
    assert await searched(backend, "DONAU* dan*") == ["chat"]
    assert await searched(backend, "donau* danub") == []
    assert await searched(backend, "donau") == []
    assert await searched(backend, "*schiff") == []
    assert await searched(backend, "danube*") == ["chat"]


async def test_a_superseded_message_is_still_found(backend: Backend, acting_as: Actor) -> None:
    """S12. What was said can be looked for, whoever took it out of the history."""
    await acting_as("weather").sessions.append("chat", [message("m1", "needle")])
    await acting_as("router").sessions.revert("chat", to=0)
    assert await searched(backend, "needle") == ["chat"]


async def test_a_fork_is_found_by_what_it_copied(backend: Backend) -> None:
    """S12. And not by what it left out."""
    await backend.sessions.append("chat", [message("m1", "needle"), message("m2", "haystack")])
    fork = await backend.sessions.fork("chat", at=1)
    assert await searched(backend, "needle") == sorted(["chat", fork.session_id])
    assert await searched(backend, "haystack") == ["chat"]


async def test_a_deleted_session_is_not_found(backend: Backend) -> None:
    """S12. Nor is what was said in it, when there is a session of that id again."""
    await backend.sessions.create(NewSession("chat", title="thread"))
    await backend.sessions.append("chat", [message("m1", "needle")])
    await backend.sessions.append("other", [message("m1", "needle")])
    await backend.sessions.delete("chat")
    assert await searched(backend, "needle") == ["other"]
    await backend.sessions.append("chat", [message("m1", "hay")])
    assert await searched(backend, "needle") == ["other"]
    assert await searched(backend, "thread") == []


async def test_another_tenant_is_not_searched(backend: Backend) -> None:
    """S8. Nor found by who took part, or by its metadata."""
    acme, globex = backend.bind(Scope(tenant="acme")), backend.bind(Scope(tenant="globex"))
    await acme.sessions.create(NewSession("chat", metadata=JsonText('{"a": 1}')))
    await acme.sessions.append("chat", [message("m1", "needle")])
    await globex.sessions.append("chat", [message("m1", "hay")])
    assert await searched(globex, "needle") == []
    assert await searched(acme, "needle") == ["chat"]
    assert await searched(acme, "hay") == []
    query = SessionQuery(metadata=JsonText('{"a": 1}'))
    assert (await globex.sessions.list(query)).items == ()


@pytest.mark.parametrize(
    "q",
    ["", " ", "*", "***", "- ! ?", "'", '"', "()", "\0", "red\0pears", "\ud800", "😀", "\n"],
    ids=ascii,
)
async def test_a_search_without_a_word_is_refused(backend: Backend, q: str) -> None:
    """S12. It would find everything, or nothing: it is told."""
    await backend.sessions.append("chat", messages("m1"))
    error = await error_of(backend.sessions.list(SessionQuery(q=q)))
    assert isinstance(error, InvalidRequest)


async def test_a_search_of_too_many_words_is_refused(backend: Backend) -> None:
    """S12. Sixteen are enough, also of the longest."""
    words = ["abcdefgh" * 8 + "abcdefghijklmnopq"[n] for n in range(17)]
    words = [word[1:] for word in words]
    await backend.sessions.append("chat", [message("m1", " ".join(words))])
    assert await searched(backend, " ".join(words[:16])) == ["chat"]
    error = await error_of(backend.sessions.list(SessionQuery(q=" ".join(words))))
    assert isinstance(error, InvalidRequest)


async def test_a_word_that_is_too_long_is_refused(backend: Backend) -> None:
    """S12. No message is found by it, which is told; the longest that is found has 64 letters."""
    await backend.sessions.append("chat", [message("m1", f"{'a' * 3000} {'ä' * 64}")])
    assert await searched(backend, "ä" * 64) == ["chat"]
    assert await searched(backend, "ä" * 63 + "*") == ["chat"]
    assert await searched(backend, "a" * 64 + "*") == []
    for q in ("a" * 65, "a" * 65 + "*", "a" * 3000, "ä" * 3000 + "*"):
        error = await error_of(backend.sessions.list(SessionQuery(q=q)))
        assert isinstance(error, InvalidRequest)


OPERATORS = (
    "red AND pears",
    "red OR pears",
    "red NOT pears",
    "NOT red",
    "NEAR(red pears)",
    "red NEAR/2 pears",
    '"red pears"',
    '"red',
    "red'",
    "' OR 1=1 --",
    "(red",
    "red)",
    "words:red",
    "red:A",
    "red:*",
    "^red",
    "-red",
    "!red",
    "red & pears",
    "red | pears",
    "red <-> pears",
    "red\\",
    "{red pears}: red",
    "red + pears",
    "red;pears",
    "%",
    "red%",
)


@pytest.mark.parametrize("q", OPERATORS, ids=ascii)
async def test_a_search_has_no_language(backend: Backend, q: str) -> None:
    """S12. Operators are plain words, signs stand between words: as the messages are cut."""
    await backend.sessions.append("same", [message("m1", q)])
    await backend.sessions.append("none", [message("m1", "yellow bananas")])
    if q == "%":
        assert isinstance(await error_of(searched(backend, q)), InvalidRequest)
        return
    assert await searched(backend, q) == ["same"]
    await backend.sessions.append("colour", [message("m1", "red pears")])
    words = q.casefold()
    others = ("and", "or", "not", "near", "words", "1", "a")
    tokens = "".join(each if each.isalnum() else " " for each in words).split()
    expected = ["same"] if any(word in others for word in tokens) else ["colour", "same"]
    assert await searched(backend, q) == expected


HOSTILE_TEXTS = {
    "controls": "".join(map(chr, range(1, 32))) + "needle\x7f\x85\u2028\ufeff",
    "nul": "\0needle\0",
    "quotes": "'\"`needle\\'\"",
    "long": "x" * 100_000,
    "needle-then-long": "needle " + "y" * 200_000,
    "many-words": "needle " + " ".join(f"w{n}" for n in range(5000)),
    "marks": "needle " + "\u0301" * 1000,
    "direction": "\u202eneedle\u202c",
    "weights": "needle:1A 'needle':2",
    "emoji": "👩‍👩‍👧‍👦needle🇨🇭",
}


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
async def test_whatever_a_message_says_can_be_kept_and_searched(
    backend: Backend, name: str
) -> None:
    """S12. No text spoils the index, and the words in it are found."""
    for ensure_ascii in (True, False):
        text = JsonText(json.dumps({"content": HOSTILE_TEXTS[name]}, ensure_ascii=ensure_ascii))
        await backend.sessions.append(f"chat-{ensure_ascii}", [text])
    expected = [] if name == "long" else ["chat-False", "chat-True"]
    assert await searched(backend, "needle") == expected
    history = await backend.sessions.history("chat-True")
    assert history.messages == [{"content": HOSTILE_TEXTS[name]}]
