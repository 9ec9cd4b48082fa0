"""The pages a person sees: server-rendered, without scripts they depend on."""

from __future__ import annotations

from commonhold.web.home import Site, router

__all__ = ["Site", "router"]
