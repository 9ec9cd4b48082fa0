"""`commonhold sessions` on a file, and on a service over the same file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.fixtures import SubRequest

import commonhold
from tests import processes
from tests.cli.commands import MISUSED, SCRIPT, Result, check_one_line, run
from tests.cli.conversations import HOSTILE, fill, texts
from tests.processes import Process

Sessions = Callable[..., Result]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a file with conversations."""
    url = f"sqlite:///{tmp_path_factory.mktemp('kept')}/kept.db"
    asyncio.run(fill(url))
    return url


@pytest.fixture(scope="module")
def service(kept: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service over that file."""
    with processes.service(kept, tmp_path_factory.mktemp("service")) as process:
        yield process


@pytest.fixture(params=["file", "service"])
def url(request: SubRequest, kept: str) -> str:
    """Both ways to the same conversations."""
    if request.param == "file":
        return kept
    process: Process = request.getfixturevalue("service")
    return process.url


@pytest.fixture
def sessions(url: str, tmp_path: Path) -> Sessions:
    """Runs `commonhold sessions ...` there, named by the variable."""

    def command(*arguments: str) -> Result:
        environ = {"COMMONHOLD_URL": url, "COLUMNS": "100"}
        return run("sessions", *arguments, folder=tmp_path, environ=environ)

    return command


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A file of the test's own, with the same conversations."""
    url = f"sqlite:///{tmp_path}/own.db"
    asyncio.run(fill(url))
    return url


def lines(text: str) -> list[dict[str, Any]]:
    """JSON Lines, read."""
    return [json.loads(line) for line in text.splitlines()]


def listed(sessions: Sessions, *arguments: str) -> list[str]:
    """The ids in a list."""
    found = sessions("list", "--json", *arguments)
    assert found.status == 0, found
    return [each["session_id"] for each in lines(found.out)]


def test_a_list_is_newest_first_with_who_has_the_turn(sessions: Sessions) -> None:
    """The agents it went through, how many messages, and its title."""
    shown = sessions("list").out.splitlines()

    row = next(line for line in shown if line.startswith("ticket-7"))
    assert [line.split()[0] for line in shown] == ["id", "gold", "hostile", "ticket-7"]
    assert "triage → refunds" in row
    assert "running worker-9" in row
    assert "Charged twice" in row


def test_a_list_for_programs_has_the_shape_of_the_wire(sessions: Sessions) -> None:
    """One object per line."""
    first = lines(sessions("list", "--json", "--limit", "1").out)

    assert [each["session_id"] for each in first] == ["gold"]
    assert first[0]["metadata"] == {"tier": "gold", "n": 3}
    assert first[0]["status"] == "waiting"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--agent", "triage"], ["gold", "ticket-7"]),
        (["--participant", "billing"], ["ticket-7"]),
        (["--holder", "refunds", "--user", "ada"], ["ticket-7"]),
        (["--status", "waiting"], ["gold"]),
        (["--metadata", "tier=gold", "--metadata", "n=3"], ["gold"]),
        (["--metadata", "n=4"], []),
        (["--since", "2h", "-q", "charged"], ["ticket-7"]),
        (["--until", "2020-01-01T00:00:00Z"], []),
        (["--parent", "ticket-7"], []),
    ],
)
def test_a_list_is_filtered(
    filters: list[str], found: list[str], kept: str, tmp_path: Path
) -> None:
    """By what a session is, who took part, and what was said."""
    shown = run("sessions", "list", "--json", "--url", kept, *filters, folder=tmp_path)

    assert [each["session_id"] for each in lines(shown.out)] == found


def test_the_filters_cross_the_wire(service: Process, tmp_path: Path) -> None:
    """All at once."""
    filters = "--agent triage --participant triage --user ada --holder triage --status waiting"
    filters += " --metadata tier=gold --since 1d --until 2100-01-01T00:00:00Z -q lines"

    shown = run(
        "sessions", "list", "--json", "--url", service.url, *filters.split(), folder=tmp_path
    )

    assert [each["session_id"] for each in lines(shown.out)] == ["gold"]


def test_a_list_goes_on_behind_a_page(tmp_path: Path) -> None:
    """A thousand is what one page holds."""

    async def many(url: str) -> None:
        async with commonhold.connect(url) as stores:
            for _ in range(1001):
                await stores.sessions.create()

    url = f"sqlite:///{tmp_path}/many.db"
    asyncio.run(many(url))

    shown = run("sessions", "list", "--json", "--limit", "5000", "--url", url, folder=tmp_path)

    assert len(set(shown.out.splitlines())) == 1001


def test_an_empty_list_says_what_to_do(sessions: Sessions, tmp_path: Path) -> None:
    """Beside standard output, which stays empty."""
    asyncio.run(_make_empty(f"sqlite:///{tmp_path}/empty.db"))

    none = run("sessions", "list", "--url", "sqlite:///empty.db", folder=tmp_path)
    filtered = sessions("list", "--agent", "nobody")

    assert (none.status, none.out) == (filtered.status, filtered.out) == (0, "")
    assert "No session is kept at sqlite:///empty.db yet" in none.err
    assert "Leave out a filter" in filtered.err


async def _make_empty(url: str) -> None:
    async with commonhold.connect(url):
        pass


def test_a_conversation_is_shown_in_order(sessions: Sessions) -> None:
    """Who said what, the calls and results by name, and the handoffs between."""
    shown = sessions("show", "ticket-7").out

    told = [
        "Charged twice",
        "triage, billing, refunds",
        "now with refunds",
        "running worker-9",
        "f1",
        "worker-1 took the turn",
        "user  through triage",
        "I was charged twice.",
        "triage  assistant",
        "→ find(month=9)",
        "← find",
        "more",
        "triage handed the conversation to billing",
        "reason: two charges",
        "I am sorry.",
        '→ void(charge="ch_2")',
        "billing  tool",
        "← void  voided",
        "billing went back to the first 5 messages: 1 message superseded",
        "billing handed the conversation to refunds",
        "→ refund()",
        "worker-9 took the turn",
    ]
    places = [shown.find(each) for each in told]
    assert -1 not in places, told[places.index(-1)]
    assert places == sorted(places)
    assert "Never said." not in shown
    assert '"invoice": 39' not in shown


def test_what_is_left_out_can_be_had(sessions: Sessions) -> None:
    """Long results, and what was superseded."""
    whole = sessions("show", "ticket-7", "--full", "--superseded").out

    assert '"invoice": 39' in whole
    assert "superseded\n  Never said." in whole


def test_the_end_of_a_conversation_is_enough(sessions: Sessions) -> None:
    """The last messages, and the events between and behind them."""
    shown = sessions("show", "ticket-7", "--last", "2").out

    assert "voided" in shown
    assert "→ refund()" in shown
    assert "I am sorry." not in shown
    assert "what came before is left out" in shown


def test_the_messages_come_raw(sessions: Sessions) -> None:
    """With their place in the log; also those superseded when asked."""
    live = lines(sessions("show", "ticket-7", "--json").out)
    every = lines(sessions("show", "ticket-7", "--json", "--superseded").out)
    last = lines(sessions("show", "ticket-7", "--json", "--last", "1").out)

    assert live[0]["message"] == {"role": "user", "content": "I was charged twice."}
    assert len(every) == len(live) + 1
    assert last == live[-1:]


def test_a_message_on_many_lines_is_one_line_for_programs(sessions: Sessions) -> None:
    """However its author laid out the JSON."""
    (only,) = lines(sessions("show", "gold", "--json").out)

    assert only["message"] == {"role": "user", "content": "On two lines"}


@pytest.mark.parametrize("command", [["show", "hostile"], ["list"], ["show", "hostile", "--json"]])
def test_a_terminal_obeys_nothing_an_agent_said(command: list[str], sessions: Sessions) -> None:
    """Escapes are spelled out, markup stays text, and JSON means the same."""
    shown = sessions(*command).out

    assert not set(shown) & set(HOSTILE) & set("\x1b\x07\x9b\u202e\U000e0041")
    assert "[bold]loud[/]" in shown
    if "--json" in command:
        assert lines(shown)[0]["message"]["content"] == HOSTILE
    else:
        assert r"\x1b[31mred\x9b2J \u202egnp.exe" in shown


def started(*arguments: str, url: str) -> subprocess.Popen[str]:
    """`commonhold sessions tail`, running."""
    return subprocess.Popen(
        [SCRIPT, "sessions", "tail", *arguments, "--url", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "100"},
        text=True,
    )


async def say(url: str, session_id: str) -> None:
    """One more message."""
    async with commonhold.connect(url) as stores:
        await stores.sessions.append(session_id, texts({"role": "user", "content": "More?"}))


async def delete(url: str, session_id: str) -> None:
    """No more messages."""
    async with commonhold.connect(url) as stores:
        await stores.sessions.delete(session_id)


def test_a_tail_shows_what_comes_until_it_is_ended(own: str) -> None:
    """From where it was asked to, each at once, and ending it is a success."""
    with started("gold", "--from", "1", "--json", url=own) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        asyncio.run(say(own, "gold"))
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)

    assert [each["message"]["seq"] for each in (first, second)] == [1, 2]
    assert first["kind"] == "message"
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_tail_of_a_service_ends_with_its_session(own: str, tmp_path: Path) -> None:
    """And begins with the last messages, when asked to."""
    with (
        processes.service(own, tmp_path) as service,
        started("ticket-7", "--last", "1", url=service.url) as process,
    ):
        assert process.stdout is not None
        while "refund()" not in process.stdout.readline():
            pass
        asyncio.run(delete(service.url, "ticket-7"))
        rest = process.stdout.read()  # `communicate` would pass over what is buffered already
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        errors = process.stderr.read()

    assert "worker-9 took the turn" in rest
    assert errors == "The session was deleted.\n"


def test_an_export_is_a_line_for_each_session(sessions: Sessions, tmp_path: Path) -> None:
    """With its log, costs and state; the same whether all are taken or one is named."""
    done = sessions("export", "-o", "all.jsonl")
    exported = lines((tmp_path / "all.jsonl").read_text())
    named = sessions("export", "ticket-7")

    ticket = exported[2]
    assert done.err.splitlines() == ["Exported 3 sessions with 8 messages to all.jsonl."]
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]
    assert [each["session"]["session_id"] for each in exported] == ["gold", "hostile", "ticket-7"]
    assert [message["message"].get("role") for message in ticket["messages"]][:2] == [
        "user",
        "assistant",
    ]
    assert [event["kind"] for event in ticket["events"]] == [
        "lease",
        "handoff",
        "revert",
        "handoff",
        "lease",
    ]
    assert ticket["cost_data"]["model"] == "gpt-4o"
    assert exported[0]["state"]["pending_question"] == {"text": "Which one?"}
    assert lines(named.out) == [ticket]


def test_an_export_is_filtered_as_a_list_is(sessions: Sessions) -> None:
    """And has what was superseded when asked."""
    only = lines(sessions("export", "--participant", "billing").out)
    every = lines(sessions("export", "--include-superseded", "--participant", "billing").out)

    assert [each["session"]["session_id"] for each in only] == ["ticket-7"]
    assert len(every[0]["messages"]) == len(only[0]["messages"]) + 1


def test_an_export_that_fails_leaves_the_file_alone(sessions: Sessions, tmp_path: Path) -> None:
    """It gets its name when it is whole."""
    (tmp_path / "out.jsonl").write_text("before")

    line = check_one_line(sessions("export", "gold", "missing", "-o", "out.jsonl"), 1)
    nowhere = check_one_line(sessions("export", "gold", "-o", "no/folder.jsonl"), 1)

    assert "missing" in line
    assert "no/folder.jsonl cannot be written" in nowhere
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "before"


def test_a_fork_prints_its_id(own: str, tmp_path: Path) -> None:
    """And nothing else, for a script to take."""
    forked = run("sessions", "fork", "ticket-7", "--at", "2", "--url", own, folder=tmp_path)
    shown = run("sessions", "show", forked.out.strip(), "--url", own, folder=tmp_path)
    children = run(
        "sessions", "list", "--json", "--parent", "ticket-7", "--url", own, folder=tmp_path
    )

    assert [each["session_id"] for each in lines(children.out)] == forked.out.split()
    assert "forked from ticket-7 with 2 messages" in shown.out
    assert "← find" not in shown.out


@pytest.mark.parametrize("command", ["show", "tail", "export", "fork"])
def test_a_session_that_is_not_there_is_told(command: str, sessions: Sessions) -> None:
    """In one line."""
    assert "missing" in check_one_line(sessions(command, "missing"), 1)


def test_a_service_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what to start."""
    url = f"http://127.0.0.1:{processes.free_port()}"

    line = check_one_line(run("sessions", "list", "--url", url, folder=tmp_path), 1)

    assert url in line
    assert "commonhold serve" in line


def test_looking_makes_no_file(tmp_path: Path) -> None:
    """A wrong path is not answered by an empty database."""
    result = run("sessions", "list", "--url", "sqlite:///no.db", folder=tmp_path)

    assert "does not exist" in check_one_line(result, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--since", "yesterday"], "7d"),
        (["list", "--status", "odd"], "running"),
        (["list", "--metadata", "gold"], "KEY=VALUE"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "-q", "!"], "words"),
        (["list", "--url", "mysql://h/d"], "sqlite:///file.db"),
        (["tail", "x", "--from", "1", "--last", "1"], "--last"),
        (["export", "x", "--agent", "a"], "not both"),
        (["fork"], "SESSION"),
    ],
)
def test_a_wrong_option_is_misuse(arguments: list[str], told: str, tmp_path: Path) -> None:
    """Status 2, with what is allowed."""
    assert told in check_one_line(run("sessions", *arguments, folder=tmp_path), MISUSED)


def test_postgres_is_looked_at_too(postgres_url: str, tmp_path: Path) -> None:
    """A database is a place like any other."""
    asyncio.run(fill(postgres_url))

    shown = run("sessions", "show", "ticket-7", "--url", postgres_url, folder=tmp_path)
    found = run("sessions", "list", "-q", "char*", "--url", postgres_url, folder=tmp_path)
    exported = run("sessions", "export", "--url", postgres_url, folder=tmp_path)

    assert "triage handed the conversation to billing" in shown.out
    assert "ticket-7" in found.out
    assert len(lines(exported.out)) == 3
