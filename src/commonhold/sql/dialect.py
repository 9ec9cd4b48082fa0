"""Where SQLite and Postgres must be told apart: a closed table of few fragments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

DialectName = Literal["sqlite", "postgres"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect: its name and the mark of its numbered parameters."""

    name: DialectName
    mark: str

    def rows_source(
        self, columns: Sequence[tuple[str, str]], number: Callable[[str], str], bulk: int
    ) -> str:
        """A table expression `r` of bulk input: arrays on Postgres, `bulk` rows on SQLite."""
        if self.name == "sqlite":
            selects = (
                ", ".join(f"{number(cell(name, row))} AS {name}" for name, _ in columns)
                for row in range(bulk)
            )
            return f"(SELECT {' UNION ALL SELECT '.join(selects)}) AS r"
        arrays = ", ".join(f"CAST({number(name)} AS {kind}[])" for name, kind in columns)
        names = ", ".join(name for name, _ in columns)
        return f"unnest({arrays}) AS r({names})"


def cell(name: str, row: int) -> str:
    """The parameter of one cell of bulk input."""
    return f"{name}.{row}" if row else name


SQLITE = Dialect("sqlite", "?")
POSTGRES = Dialect("postgres", "$")
DIALECTS: Mapping[str, Dialect] = {"sqlite": SQLITE, "postgres": POSTGRES}

FRAGMENTS: Mapping[str, Mapping[DialectName, str]] = {
    # The rows of one statement stay ours until the transaction ends. SQLite has one writer.
    "for_update": {"sqlite": "", "postgres": "FOR UPDATE"},
    # JSON texts joined in order. SQLite joins in the order of the subquery it reads from.
    "join_content": {
        "sqlite": "group_concat(content, ',')",
        "postgres": "string_agg(content, ',' ORDER BY place)",
    },
    # Membership in a list of any length: a JSON array, so that the statement stays one. As an
    # array, not a subquery, Postgres looks each text up however many rows there are.
    "is_listed": {
        "sqlite": "IN (SELECT value FROM json_each(:listed))",
        "postgres": "= ANY (ARRAY(SELECT json_array_elements_text(CAST(:listed AS json))))",
    },
    # The messages of a session that have one of some ids. One by one: before Postgres has
    # statistics, every index that begins with the session looks alike to it.
    "messages_with_ids": {
        "sqlite": "message m WHERE m.tenant = :tenant AND m.session_id = :session_id "
        "AND m.message_id IN (SELECT value FROM json_each(:new_ids))",
        "postgres": "json_array_elements_text(CAST(:new_ids AS json)) AS w(id) "
        "CROSS JOIN LATERAL (SELECT * FROM message o WHERE o.tenant = :tenant "
        "AND o.session_id = :session_id AND o.message_id = w.id OFFSET 0) AS m",
    },
    # The same of sequences: a JSON array of numbers.
    "is_one_of": {
        "sqlite": "IN (SELECT value FROM json_each(:numbers))",
        "postgres": "= ANY (ARRAY(SELECT CAST(v AS BIGINT) "
        "FROM json_array_elements_text(CAST(:numbers AS json)) AS v))",
    },
    # The session of each row of `k`, in the order of `k`, one by one: a planner that joined them
    # at once would read every session for one page.
    "its_session": {
        "sqlite": "CROSS JOIN session "
        "ON session.tenant = k.tenant AND session.session_id = k.session_id",
        "postgres": "CROSS JOIN LATERAL (SELECT * FROM session o "
        "WHERE o.tenant = k.tenant AND o.session_id = k.session_id OFFSET 0) AS session",
    },
    # The trace of each row of `k`, in the same way.
    "its_trace": {
        "sqlite": "CROSS JOIN trace ON trace.tenant = k.tenant AND trace.trace_id = k.trace_id",
        "postgres": "CROSS JOIN LATERAL (SELECT * FROM trace o "
        "WHERE o.tenant = k.tenant AND o.trace_id = k.trace_id OFFSET 0) AS trace",
    },
    # Rows that another transaction works on are left to it. SQLite has one writer.
    "skip_locked": {"sqlite": "", "postgres": "FOR UPDATE SKIP LOCKED"},
    # Words are cut by `model.words`: neither index cuts them again.
    "as_words": {
        "sqlite": "r.words",
        "postgres": "array_to_tsvector(string_to_array(r.words, ' '))",
    },
    # Texts that have all the words of a search.
    "text_with_words": {
        "sqlite": "message_words CROSS JOIN message_text t ON t.text_id = message_words.rowid "
        "WHERE message_words MATCH :q AND t.tenant = :tenant",
        "postgres": "message_text t WHERE t.tenant = :tenant AND t.words @@ "
        "CAST(replace(replace(CAST(:q AS TEXT), '*', ':*'), ' ', ' & ') AS tsquery)",
    },
    # The same of spans.
    "span_with_words": {
        "sqlite": "span_words CROSS JOIN span_text t ON t.text_id = span_words.rowid "
        "WHERE span_words MATCH :q AND t.tenant = :tenant",
        "postgres": "span_text t WHERE t.tenant = :tenant AND t.words @@ "
        "CAST(replace(replace(CAST(:q AS TEXT), '*', ':*'), ' ', ' & ') AS tsquery)",
    },
    # The same of spans whose traces begin in one of some windows of time, a JSON array.
    "span_with_words_then": {
        "sqlite": "span_words CROSS JOIN span_text t ON t.text_id = span_words.rowid "
        "WHERE span_words MATCH (SELECT '(' || CAST(:q AS TEXT) || ') AND (' || "
        "group_concat(printf('_t%x', value), ' OR ') || ')' FROM json_each(:times)) "
        "AND t.tenant = :tenant",
        "postgres": "span_text t WHERE t.tenant = :tenant AND t.words @@ "
        "CAST(replace(replace(CAST(:q AS TEXT), '*', ':*'), ' ', ' & ') AS tsquery) "
        "AND span_times(t.started_at) && ARRAY(SELECT CAST(v AS BIGINT) "
        "FROM json_array_elements_text(CAST(:times AS json)) AS v)",
    },
    # The same of feedback.
    "feedback_with_words": {
        "sqlite": "feedback_words CROSS JOIN feedback_text t ON t.text_id = feedback_words.rowid "
        "WHERE feedback_words MATCH :q AND t.tenant = :tenant",
        "postgres": "feedback_text t WHERE t.tenant = :tenant AND t.words @@ "
        "CAST(replace(replace(CAST(:q AS TEXT), '*', ':*'), ' ', ' & ') AS tsquery)",
    },
    # The record of each row of `k`, in the way of `its_session`.
    "its_feedback": {
        "sqlite": "CROSS JOIN feedback "
        "ON feedback.tenant = k.tenant AND feedback.feedback_id = k.feedback_id",
        "postgres": "CROSS JOIN LATERAL (SELECT * FROM feedback o "
        "WHERE o.tenant = k.tenant AND o.feedback_id = k.feedback_id OFFSET 0) AS feedback",
    },
    # Pieces of time, a JSON array of objects.
    "pieces": {
        "sqlite": "(SELECT json_extract(value, '$.span') AS span, "
        "json_extract(value, '$.level') AS level, json_extract(value, '$.since') AS since, "
        "json_extract(value, '$.until') AS until FROM json_each(:pieces)) AS r",
        "postgres": "(SELECT CAST(v ->> 'span' AS BIGINT) AS span, v ->> 'level' AS level, "
        "CAST(v ->> 'since' AS BIGINT) AS since, CAST(v ->> 'until' AS BIGINT) AS until "
        "FROM json_array_elements(CAST(:pieces AS json)) AS v) AS r",
    },
    # What was counted in each piece, one by one, as `its_session` has it.
    "its_counts": {
        "sqlite": "CROSS JOIN feedback_count c ON c.tenant = :tenant AND c.level = r.level "
        "AND c.start >= r.since AND c.start < r.until",
        "postgres": "CROSS JOIN LATERAL (SELECT * FROM feedback_count o "
        "WHERE o.tenant = :tenant AND o.level = r.level AND o.start >= r.since "
        "AND o.start < r.until OFFSET 0) AS c",
    },
    # The records of each piece that is not counted.
    "its_records": {
        "sqlite": "CROSS JOIN feedback f ON f.tenant = :tenant AND r.level = 'r' "
        "AND f.created_at >= r.since AND f.created_at < r.until",
        "postgres": "CROSS JOIN LATERAL (SELECT * FROM feedback o "
        "WHERE o.tenant = :tenant AND r.level = 'r' AND o.created_at >= r.since "
        "AND o.created_at < r.until OFFSET 0) AS f",
    },
    # The upsert of INSERT ... SELECT needs a WHERE on SQLite, or its parser reads ON as a join.
    "upsert": {"sqlite": "WHERE true ON CONFLICT", "postgres": "ON CONFLICT"},
}
