"""The route of feedback to learn from."""

from __future__ import annotations

from collections.abc import AsyncIterator

from commonhold.http import score_schemas
from commonhold.http.call import NO_STORE, Answer, Call, Header
from commonhold.http.links import next_page
from commonhold.http.operation import Operation, Reply
from commonhold.http.params import choice, integer
from commonhold.http.score_params import FILTERS, OF_SCORES
from commonhold.http.streams import Stream
from commonhold.model.page import MAX_LIMIT
from commonhold.model.score import ScoreQuery
from commonhold.service.learning import Export, Piece, exported
from commonhold.service.lesson_formats import FORMATS, MEDIA, Format
from commonhold.service.lessons import SHAPES, Shape

_OWN = ("format", "shape", "limit")
_OF_LISTS = ("limit", "offset", "expand")


async def export_feedback(call: Call) -> Answer:
    """A file of everything, as it is read; with a limit, one of a page with a link to the next."""
    asked = _asked(call)
    pieces = exported(call.stores, asked)
    if asked.limit is not None:
        made = [piece async for piece in pieces]
        fields = (*_fields(asked), *next_page(call, made[-1].cursor))
        return Answer(b"".join([piece.data for piece in made]), 200, fields)
    # What is wrong with the question shows with the first page, while an error can be told.
    return Stream(_bytes(await anext(pieces), pieces), 200, _fields(asked))


def _asked(call: Call) -> Export:
    filters = {name: value for name, value in call.args.items() if name not in _OWN}
    format_: Format = call.args["format"]
    shape: Shape = call.args["shape"]
    return Export(ScoreQuery(**filters), shape, format_, call.args["limit"])


async def _bytes(first: Piece, rest: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
    yield first.data
    async for piece in rest:
        yield piece.data


def _fields(asked: Export) -> tuple[Header, ...]:
    name = f'attachment; filename="feedback-{asked.shape}.{asked.format}"'
    return (
        (b"content-type", MEDIA[asked.format].encode()),
        (b"content-disposition", name.encode()),
        (b"x-content-type-options", b"nosniff"),
        NO_STORE,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/v1/feedback/export",
        export_feedback,
        {
            200: Reply(
                "Newest first.",
                (
                    score_schemas.ExportedScore,
                    score_schemas.ExportedTurn,
                    score_schemas.ChatLine,
                    score_schemas.PreferenceLine,
                ),
                media="application/jsonl",
                headers=("Link", "Content-Disposition"),
                binary=("text/csv", "application/vnd.apache.parquet"),
            )
        },
        "Feedback as a file to learn from",
        "feedback",
        errors=(501,),
        query=(
            choice(
                "format",
                "JSON Lines, CSV that no spreadsheet runs, or Parquet.",
                {name: name for name in FORMATS},
                default="jsonl",
            ),
            choice(
                "shape",
                "The records; with question and answer; lines of fine-tuning from thumbs up and"
                " corrections; or pairs of preference from corrections.",
                {name: name for name in SHAPES},
                default="records",
            ),
            integer(
                "limit",
                "So many records, and a `Link` to the next; without it, all.",
                least=1,
                most=MAX_LIMIT,
            ),
            *(param for param in FILTERS if param.name not in _OF_LISTS),
            *OF_SCORES,
        ),
        doc="Records and turns carry the `cursor` that goes on after them. A record that gives no"
        " line of its shape is left out. An answer that ends too early was cut: its connection is"
        " closed without the end of the body.",
    ),
)
