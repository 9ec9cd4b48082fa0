"""Clock, ids, pages, opaque texts: the small values everything is made of."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from commonhold.errors import InvalidRequest, OutOfRange
from commonhold.model import clock, ids, opaque, page
from commonhold.model.clock import EARLIEST, LATEST, Micros
from commonhold.model.feedback import (
    HOUR,
    WINDOW_OFFSET,
    WINDOW_WIDTH,
    FeedbackPatch,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.opaque import JsonText
from commonhold.model.session import MAX_TITLE, NewSession, parse_message
from commonhold.model.trace import MAX_NANOS, Trace, wall_clock
from commonhold.testing.factories import NOON, span, trace

TIMES = st.integers(EARLIEST, LATEST).map(Micros)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(TIMES)
def test_a_time_comes_back_from_its_spelling(at: Micros) -> None:
    """To the microsecond, over the whole calendar."""
    assert clock.from_rfc3339(clock.to_rfc3339(at)) == at
    assert clock.from_datetime(clock.to_datetime(at)) == at


@given(st.datetimes(timezones=ZONES))
def test_a_time_is_the_same_instant_in_every_zone(value: datetime) -> None:
    """And whatever is accepted can be printed again."""
    try:
        at = clock.from_rfc3339(value.isoformat())
    except InvalidRequest:
        assume(False)
    assert clock.to_datetime(at) == value
    assert EARLIEST <= at <= LATEST


def test_a_time_without_a_zone_is_utc() -> None:
    """Old clients send it so."""
    naive, aware = "2026-04-27T12:00:00", "2026-04-27T12:00:00Z"
    assert clock.from_rfc3339(naive) == clock.from_rfc3339(aware) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-01",
        "1777291200",
        "2026-04-27T25:00:00Z",
        "\ud800",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Also what lies outside of the calendar once it is in UTC."""
    with pytest.raises(InvalidRequest) as caught:
        clock.from_rfc3339(text, "since")
    assert caught.value.errors[0].loc == ("since",)


def test_the_wall_clock_is_now() -> None:
    """In microseconds."""
    before = datetime.now(UTC)
    assert clock.from_datetime(before) <= clock.now() + 1


@given(st.sampled_from(["sess", "fb"]))
def test_made_ids_are_strict_keys(prefix: str) -> None:
    """What we make up, everybody accepts."""
    made = ids.new_id(prefix)
    assert ids.check_strict(made, "id") == made
    assert ids.is_key(made)
    assert ids.STRICT_ID.match(ids.new_message_id())
    assert ids.new_id(prefix) != made


@given(st.text(max_size=200))
def test_a_key_can_be_a_path_segment_and_is_storable(text: str) -> None:
    """Whatever is accepted: not empty, not long, nothing that would cut a path or a C string."""
    if not ids.is_key(text):
        with pytest.raises(InvalidRequest):
            ids.check_key(text, "id")
        return
    assert 0 < len(text) <= ids.MAX_ID
    assert text not in (".", "..")
    assert not set(text) & set("/?#\\\0\n\r\t\x7f")
    text.encode()


@given(st.text(max_size=200))
def test_a_strict_id_is_a_key(text: str) -> None:
    """What a created id must look like is narrower than what a key may."""
    try:
        ids.check_strict(text, "id")
    except InvalidRequest:
        return
    assert ids.is_key(text)
    assert text.isascii()


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_holds_its_position(number: int, text: str) -> None:
    """And needs no escaping in a URL."""
    assume("\0" not in text)
    cursor = page.encode_cursor((number, text))
    assert page.decode_cursor(cursor) == (number, text)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_a_cursor_is_a_position_or_refused(cursor: str) -> None:
    """A forged one reaches no database."""
    try:
        number, text = page.decode_cursor(cursor)
    except InvalidRequest:
        return
    assert -(2**63) <= number < 2**63
    assert "\0" not in text


@given(st.lists(st.integers(), max_size=10), st.integers(1, 10))
def test_a_page_has_a_cursor_when_there_is_more(rows: list[int], limit: int) -> None:
    """One row more than asked for proves it, and is not shown."""
    found = page.page_of(rows, limit, lambda row: (0, str(row)))
    assert list(found.items) == rows[:limit]
    assert (found.cursor is not None) == (len(rows) > limit)


@given(VALUES)
def test_a_value_comes_back_from_its_text(value: object) -> None:
    """Through our encoder, and through the standard library's."""
    assert opaque.loads(opaque.dumps(value)) == value
    assert opaque.loads(json.dumps(value)) == value


@given(VALUES, VALUES)
def test_digests_are_equal_when_values_are(left: object, right: object) -> None:
    """Key order and spelling do not count; the difference of 1, 1.0 and true does."""
    same = json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    assert (opaque.canonical_digest(left) == opaque.canonical_digest(right)) == same


@given(
    st.dictionaries(st.text(max_size=3), VALUES, max_size=4),
    st.dictionaries(st.text(max_size=3), VALUES, max_size=4),
)
def test_a_merge_is_shallow_and_the_patch_wins(base: dict, patch: dict) -> None:
    """As dictionaries merge."""
    merged = opaque.merge(json.dumps(base), json.dumps(patch))
    assert json.loads(merged) == base | patch


def test_a_merge_leaves_texts_untouched() -> None:
    """Numbers keep every digit, strings every escape."""
    base, patch = '{"a": 1.10, "b":"\\u00e9"}', '{"c": 123456789012345678901234567890}'
    merged = opaque.merge(base, patch)
    assert '"a":1.10' in merged
    assert '"b":"\\u00e9"' in merged
    assert "123456789012345678901234567890" in merged


@pytest.mark.parametrize("value", [math.inf, math.nan, [{"a": -math.inf}], ({"a": [math.nan]},)])
def test_infinity_is_not_turned_into_null(value: object) -> None:
    """It has no JSON form, at any depth."""
    with pytest.raises(InvalidRequest):
        opaque.dumps(value)
    assert opaque.dumps([None, 1.5]) == "[null,1.5]"


@given(st.dictionaries(st.sampled_from(["id", "role", "content", "x"]), VALUES))
def test_every_json_object_is_a_message(body: dict) -> None:
    """Whatever its id and role are, it is stored as it is and given an id that can be stored."""
    text = json.dumps(body)
    found = parse_message(text, 0)
    assert found.content == text
    assert 0 < len(found.message_id) <= ids.MAX_ID
    assert "\0" not in found.message_id
    assert found.role is None or found.role == body["role"]


@pytest.mark.parametrize("name", ["x" * (ids.MAX_ID + 1), "", "a\0b", 7, None, ["m1"]])
def test_an_id_that_cannot_name_a_message_is_left_in_its_content(name: object) -> None:
    """The message counts as one without an id."""
    found = parse_message(json.dumps({"id": name}), 0)
    assert found.message_id != name
    assert not found.key.startswith("id:")


def test_a_title_has_an_end() -> None:
    """A list of sessions stays a list."""
    assert NewSession(title="x" * MAX_TITLE).title
    with pytest.raises(InvalidRequest):
        NewSession(title="x" * (MAX_TITLE + 1))


@pytest.mark.parametrize("rating", [0, 2, -2, True, 1.0, "1", None])
def test_a_rating_is_one_up_or_one_down(rating: object) -> None:
    """Nothing else is, whatever it equals."""
    with pytest.raises(InvalidRequest):
        NewFeedback(rating)  # type: ignore[arg-type]
    if rating is not None:
        with pytest.raises(InvalidRequest):
            FeedbackPatch(rating=rating)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"latency_ms": -1.0},
        {"latency_ms": math.inf},
        {"latency_ms": math.nan},
        {"turn_index": -1},
        {"turn_index": 2**31},
        {"comment": "x" * 65_537},
        {"model_id": "x" * 257},
        {"agent_type": "x" * 129},
        {"trace_id": "a/b"},
        {"session_id": ""},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_feedback_out_of_bounds_is_refused(fields: dict) -> None:
    """The error names the field."""
    with pytest.raises(InvalidRequest) as caught:
        NewFeedback(1, **fields)
    assert caught.value.errors[0].loc == (next(iter(fields)),)


def test_a_window_that_is_none_is_out_of_range() -> None:
    """The error says which there are."""
    with pytest.raises(OutOfRange) as caught:
        StatsQuery("month")
    assert "week" in caught.value.detail


@given(TIMES, st.sampled_from(["hour", "day", "week"]))
def test_windows_begin_where_the_calendar_has_them(at: Micros, window: str) -> None:
    """Whole hours, midnights and Mondays in UTC."""
    width, shift = WINDOW_WIDTH[window], WINDOW_OFFSET[window]
    assume(at - width >= EARLIEST)
    start = clock.to_datetime(Micros((at + shift) // width * width - shift))
    assert (start.minute, start.second, start.microsecond) == (0, 0, 0)
    assert window == "hour" or start.hour == 0
    assert window != "week" or start.weekday() == 0
    assert width % HOUR == 0


@given(st.lists(FLOATS, max_size=5), TIMES)
def test_wall_clock_is_always_storable(starts: list[float], at: Micros) -> None:
    """Whatever a clock said, times fit 64 bits, and so does their distance."""
    spans = tuple(
        span(span_id=f"s{n}", start_time=start, end_time=-start) for n, start in enumerate(starts)
    )
    for start, end in wall_clock(trace(started_at=at, spans=spans)):
        assert 0 <= start <= MAX_NANOS
        assert end is not None
        assert 0 <= end <= MAX_NANOS


def test_epoch_seconds_are_their_own_wall_clock() -> None:
    """A span without a time in such a trace starts where the trace does."""
    spans = (span(start_time=NOON / 1e6 + 1), span(span_id="none", start_time=0.0))
    (first, _), (second, _) = wall_clock(trace(spans=spans))
    assert first == (NOON + 1_000_000) * 1000
    assert second == NOON * 1000


def test_a_span_of_another_trace_is_refused() -> None:
    """It says which one."""
    with pytest.raises(InvalidRequest) as caught:
        Trace("t", started_at=NOON, spans=(span("t"), span("other")))
    assert caught.value.errors[0].loc == ("body", "spans", 1, "trace_id")


def test_opaque_text_is_trimmed_of_what_is_around_it() -> None:
    """White space around a value belongs to the body it came in."""
    assert parse_message(' {"id": "m1"}\n', 0).content == JsonText('{"id": "m1"}')
