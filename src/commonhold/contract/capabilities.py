"""What a backend cannot do. The zero value promises everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Excuses of a backend: requirement (or test name) to the reason why it is not met.

    The conformance suite runs an excused test all the same and fails when it passes, so that an
    excuse cannot outlive its reason.
    """

    excused: Mapping[str, str] = field(default_factory=dict)
