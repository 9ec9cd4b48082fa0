"""Types that OpenAPI tells more of than they hold."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Object = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
Array = Annotated[Raw, Meta(extra_json_schema={"type": "array"})]
