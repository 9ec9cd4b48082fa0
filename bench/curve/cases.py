"""What is measured: who does a turn, how long the session is by then, and how often it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Backend = Literal["sqlite", "postgres"]
Side = Literal["ours", "peers"]
Series = Literal["add", "turn"]

LENGTHS = (10, 30, 100, 300, 1000, 3000, 10_000)
QUICK_LENGTHS = (10, 100, 1000)
SHORT, LONG = 5, 5000
"""The two appends whose costs are promised to be about the same."""
PUT_LENGTH = 1000
"""The length of the list that is promised to be saved several times as fast."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who keeps sessions; `side` is the environment it runs in."""

    key: str
    title: str
    side: Side
    does: str
    colour: str
    marker: str


CONTENDERS = (
    Contender(
        "append",
        "Commonhold over HTTP",
        "ours",
        "`POST /v1/sessions/{id}/messages` with the two new messages",
        "#0b4f6c",
        "o",
    ),
    Contender(
        "process",
        "Commonhold in process",
        "ours",
        "`sessions.append` of the two new messages after `commonhold.connect`",
        "#2a9d8f",
        "s",
    ),
    Contender(
        "put",
        "Commonhold, PUT of all",
        "ours",
        "`PUT /v1/sessions/{id}` with the whole list, as an agent sends it that was never changed",
        "#6c9bd2",
        "D",
    ),
    Contender(
        "fipsagents",
        "fipsagents",
        "peers",
        "`save` of the whole list, in process",
        "#d1495b",
        "^",
    ),
    Contender(
        "openai-agents",
        "openai-agents",
        "peers",
        "`SQLAlchemySession.add_items` of the two new items, in process",
        "#c98a00",
        "v",
    ),
    Contender(
        "google-adk",
        "google-adk",
        "peers",
        "`DatabaseSessionService.append_event` twice, in process, on a session object as a runner"
        " holds it",
        "#8d6a9f",
        "P",
    ),
)
"""Those of the plot."""

EXTRA = (
    Contender("process-put", "Commonhold in process, put", "ours", "", "", ""),
    Contender("put-body", "Commonhold service, PUT of a ready body", "ours", "", "", ""),
    Contender("fipsagents-body", "fipsagents behind FastAPI, the same", "ours", "", "", ""),
)
"""Those of a promise only."""

SIDES: dict[str, Side] = {one.key: one.side for one in (*CONTENDERS, *EXTRA)}


@dataclass(frozen=True, slots=True)
class Plan:
    """How often; a visit ends early when it took `budget_s`."""

    lengths: Sequence[int] = LENGTHS
    rounds: int = 12
    operations: int = 4
    promise_operations: int = 10
    budget_s: float = 0.2


QUICK = Plan(lengths=QUICK_LENGTHS, rounds=2, operations=3, promise_operations=3, budget_s=0.1)


@dataclass(frozen=True, slots=True)
class Case:
    """One point: `contender` adds `adds` messages to a session that holds `length`.

    In the series `turn` it loads the messages first.
    """

    contender: str
    length: int
    series: Series = "add"
    adds: int = 2
    operations: int = 4

    @property
    def name(self) -> str:
        """What its sessions are called."""
        return f"{self.contender}-{self.length}-{self.series}-{self.adds}-{self.operations}"

    def sessions(self, plan: Plan) -> int:
        """How many sessions it takes so that none grows by more than a twentieth meanwhile.

        In a short one a single operation is measured.
        """
        uses = max(1, self.length // (20 * self.adds) - 1)
        return -(-plan.rounds * self.operations // uses)

    def as_json(self) -> dict[str, Any]:
        """For the process that measures it."""
        return {**asdict(self), "name": self.name}


def curve_cases(plan: Plan) -> list[Case]:
    """The points of the plot."""
    return [
        Case(contender.key, length, series, operations=plan.operations)
        for length in plan.lengths
        for series in ("add", "turn")
        for contender in CONTENDERS
    ]


def promise_cases(plan: Plan) -> list[Case]:
    """What the promises speak of: appends far apart, and lists that are saved again."""
    appends = [
        Case(key, length, operations=plan.promise_operations)
        for key in ("append", "process")
        for length in (SHORT, LONG)
    ]
    puts = [
        Case(key, PUT_LENGTH, adds=1, operations=plan.promise_operations)
        for key in ("put-body", "fipsagents-body", "process-put", "fipsagents")
    ]
    return appends + puts
