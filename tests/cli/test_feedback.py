"""`commonhold feedback` on a file, on Postgres, and on a service over either."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet
import pytest

import commonhold
from commonhold.cli import feedback_export
from commonhold.cli.feedback_export import Target
from commonhold.cli.resumable import Resumable, State
from commonhold.model.score import NewScore, ScoreQuery
from commonhold.service import learning
from commonhold.service.learning import Export
from commonhold.service.lesson_formats import FORMATS, Format
from tests import processes
from tests.cli.commands import MISUSED, Result, check_one_line, run
from tests.verdicts import CHAT, FORMULA, HOSTILE, PREFERENCE, VERDICTS, fill, lines


async def filled(url: str) -> None:
    """Keep a conversation and what was thought of it."""
    async with commonhold.connect(url) as stores:
        await fill(stores)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database."""
    folder = tmp_path_factory.mktemp("kept")
    asyncio.run(filled(f"sqlite:///{folder}/kept.db"))
    return folder


def feedback(kept: Path, *arguments: str) -> Result:
    """Run `commonhold feedback` on it."""
    return run("feedback", *arguments, folder=kept, environ={"COMMONHOLD_URL": "sqlite:///kept.db"})


def test_a_service_and_its_database_tell_the_same(postgres_url: str, tmp_path: Path) -> None:
    """What is exported, line for line, and what is listed and counted."""
    run("db", "upgrade", "--database", postgres_url, folder=tmp_path)
    asyncio.run(filled(postgres_url))
    commands = (
        ("export", "--shape", "preference"),
        ("list", "--turns", "--json"),
        ("stats", "--group-by", "name", "--json"),
    )
    with processes.service(postgres_url, tmp_path) as service:
        direct, remote = (
            [run("feedback", *each, "--url", url, folder=tmp_path) for each in commands]
            for url in (postgres_url, service.url)
        )
    assert [each.out for each in remote] == [each.out for each in direct]
    assert lines(remote[0].out) == PREFERENCE
    assert len(lines(remote[1].out)) == len(VERDICTS)


def test_an_export_says_what_it_left_out(kept: Path) -> None:
    """How many lines came of how many records, and why not more."""
    told = feedback(kept, "export", "--shape", "chat")
    assert lines(told.out) == CHAT
    assert "Exported 2 lines of 4 records.\n" in told.err
    assert "Left out: 1 neither a thumbs up nor a correction.\n" in told.err
    assert "Left out: 1 of a turn that is not known.\n" in told.err


def test_a_list_shows_what_was_given_and_what_it_is_about(kept: Path) -> None:
    """In words, plain, and nothing of it is obeyed."""
    table = feedback(kept, "list").out
    head, *found = table.splitlines()
    assert head.split()[:3] == ["score", "given", "vote"]
    assert len(found) == len(VERDICTS)
    assert "▲ up" in found[0]
    assert "pending" in found[0]
    assert "-0.5" in found[1]
    assert "tone" in found[1]
    assert "▼ down" in found[2]
    assert "→ On Friday." in found[2]
    assert FORMULA in found[3]
    told = feedback(kept, "list", "--turns", "--rating", "down").out
    assert "  asked       And when will it come?\n  answered    Never.\n" in told
    assert not set("\x1b\x07\u202e") & set(table + told)
    assert "[bold]markup[/bold]" in told


@pytest.mark.parametrize(
    ("flags", "count"),
    [
        (("--rating", "up"), 2),
        (("--name", "tone", "--max-value", "-0.5", "--min-value", "-1"), 1),
        (("--data-type", "numeric"), 1),
        (("--source", "llm"), 1),
        (("--comment",), 2),
        (("--no-comment", "--correction"), 0),
        (("--agent", "orders", "--session", "s"), 3),
        (("-q", "markup"), 1),
        (("--since", "1h", "--user", "ada"), 4),
        (("--until", "2026-01-01T00:00:00Z"), 0),
    ],
)
def test_every_filter_narrows(kept: Path, flags: tuple[str, ...], count: int) -> None:
    """The list and the export alike."""
    assert len(feedback(kept, "list", "--json", *flags).out.splitlines()) == count


def test_stats_tell_each_group_and_how_sure_that_is(kept: Path) -> None:
    """A bar, the ratio with its interval, and the last day beside the one before."""
    head, *rows = feedback(kept, "stats", "--group-by", "name").out.splitlines()
    told = [name for name in head.split("  ") if name.strip()]
    assert [name.strip() for name in told][:4] == ["name", "trend", "records", "up"]
    votes, tone, everything = (row.split() for row in rows)
    assert votes[:2] == ["user_feedback", "█"]
    assert votes[2:7] == ["3", "2", "1", "66.7%", "21-94%"]
    assert tone[2:5] == ["1", "ø", "-0.5"]
    assert everything[:3] == ["all", "█", "4"]
    found = lines(feedback(kept, "stats", "--json").out)
    assert [(each["thumbs_up"], each["thumbs_down"]) for each in found] == [(2, 1)]


def test_a_file_is_whole_and_nobody_elses(kept: Path, tmp_path: Path) -> None:
    """Parquet and JSON Lines take their name when they are whole, and leave nothing beside."""
    for name, flags in (("a.jsonl", ()), ("b.parquet", ("--format", "parquet"))):
        told = feedback(kept, "export", "-o", str(tmp_path / name), *flags).err
        assert told.startswith("Exported 4 lines of 4 records to")
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == len(VERDICTS)
    assert pyarrow.parquet.read_table(tmp_path / "b.parquet").num_rows == len(VERDICTS)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jsonl", "b.parquet"]


class Cut(Exception):
    """What ends an export in the middle."""


def keep_and_cut(file: Resumable, state: State) -> None:
    """Remember how far the file is, and be ended there."""
    keep(file, state)
    raise Cut


keep = Resumable.keep


@pytest.mark.parametrize("format_", FORMATS[:2])
async def test_a_cut_export_goes_on_and_loses_and_doubles_nothing(
    format_: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut behind every page, with half a line behind it as a crash leaves it."""
    monkeypatch.setattr(learning, "PAGE", 3)
    async with commonhold.connect("sqlite:///:memory:") as stores:
        await stores.feedback.put_scores([NewScore(value_num=n % 2) for n in range(20)])
        asked = Export(format=format_)
        await feedback_export.export(stores, asked, Target(tmp_path / "whole", "here"))
        monkeypatch.setattr(Resumable, "keep", keep_and_cut)
        to, cuts = Target(tmp_path / "cut", "here", resume=True), 0
        while not (tmp_path / "cut").exists():
            with suppress(Cut):
                await feedback_export.export(stores, asked, to)
                break
            cuts += 1
            with (tmp_path / "cut.part").open("ab") as part:
                part.write(b'{"half": "a li')
            await stores.feedback.put_scores([NewScore(value_num=1)])
    assert cuts >= 20 / 3
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cut", "whole"]


async def test_only_the_same_export_goes_on(tmp_path: Path) -> None:
    """Another question, or a damaged state, is refused; without --resume it begins again."""
    to = Target(tmp_path / "votes", "here", resume=True)
    (tmp_path / "votes.part").write_bytes(b"")
    async with commonhold.connect("sqlite:///:memory:") as stores:
        await stores.feedback.put_scores([NewScore(value_num=1)])
        for state in ('{"asked":{"shape":"chat"}}', "{", '{"asked":{},"size":9}'):
            (tmp_path / "votes.resume").write_text(state)
            with pytest.raises(commonhold.InvalidRequest, match="Leave --resume out"):
                await feedback_export.export(stores, Export(ScoreQuery(rating=1)), to)
        fresh = Target(to.path, "here")
        tally = await feedback_export.export(stores, Export(), fresh)
    assert tally.lines == len((tmp_path / "votes").read_text().splitlines()) == 1
    assert not (tmp_path / "votes.resume").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("list", "--rating", "5"), "up, down"),
        (("list", "--min-value", "nan"), "is not a number"),
        (("stats", "--window", "year"), "minute, hour, day, week, month"),
        (("export", "--format", "parquet"), "Parquet needs a file"),
        (("export", "--resume"), "--resume needs --output"),
        (("export", "--shape", "pairs"), "records, turns, chat, preference"),
    ],
)
def test_what_is_impossible_is_said(kept: Path, flags: tuple[str, ...], told: str) -> None:
    """One line, with what is allowed."""
    assert told in check_one_line(feedback(kept, *flags), MISUSED)


def test_nothing_found_is_said(kept: Path) -> None:
    """And it is no failure."""
    for command in ("list", "stats"):
        found = feedback(kept, command, "--agent", "nobody")
        assert (found.status, found.out) == (0, "")
        assert "No feedback matches." in found.err


def test_json_is_harmless_to_a_terminal(kept: Path) -> None:
    """What an agent may say to it is escaped, and means the same."""
    told = feedback(kept, "export").out
    assert not set("\x1b\x07\u202e") & set(told)
    assert HOSTILE in [json.loads(line)["comment"] for line in told.splitlines()]
