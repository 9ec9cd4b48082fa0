"""`commonhold agents`: who was seen, and who may call, on the database itself."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import Result, check_one_line, run

ISSUERS = '[{"alias": "pods", "issuer": "https://cluster", "audiences": ["commonhold"]}]'


def test_an_agent_is_registered_bound_disabled_and_forgotten(tmp_path: Path) -> None:
    """On an empty database; a mistyped name registers nobody, and what is seen is another list."""
    environ = {"COMMONHOLD_DATABASE": f"sqlite:///{tmp_path}/x.db"}

    def agents(*arguments: str) -> Result:
        return run("agents", *arguments, folder=tmp_path, environ=environ)

    assert agents("register", "weather", "--type", "planner", "--type", "[b]").status == 0
    pod = ("weather", "--issuer", "pods", "--service-account", "fleet/weather")
    bound = json.loads(agents("bind", *pod, "--json").out)
    assert bound["subject"] == "system:serviceaccount:fleet:weather"
    assert "bound to an agent" in check_one_line(agents("bind", *pod), 1)
    assert "Give one of" in check_one_line(agents("bind", *pod, "--client", "c"), 2)
    for account in ("noslash", "a/b/c"):
        bad = agents("bind", *pod[:3], "--service-account", account)
        assert "NAMESPACE/NAME, such as fleet/weather" in check_one_line(bad, 2)
    environ["COMMONHOLD_OIDC_ISSUERS"] = ISSUERS
    other = agents("bind", "weather", "--issuer", "mesh", "--client", "c")
    assert "configured here: pods" in check_one_line(other, 1)
    assert "not registered" in check_one_line(agents("disable", "wether"), 1)
    assert agents("disable", "weather").out.split()[0] == "disabled"
    assert agents("register", "weather").status == 0

    (listed,) = map(json.loads, agents("list", "--json").out.splitlines())
    assert (listed["status"], listed["agent_types"]) == ("disabled", ["planner", "[b]"])
    shown = agents("list").out
    assert "planner, [b]" in shown
    assert "k8s_sa system:serviceaccount:fleet:weather of pods" in shown
    assert agents("unbind", "weather", bound["binding_id"]).status == 0
    assert agents("enable", "weather").status == 0
    assert agents("unregister", "weather").status == 0
    assert "No agent is registered" in agents("list").err
    seen = agents("--url", environ["COMMONHOLD_DATABASE"])
    assert (seen.status, "No agent was seen" in seen.err) == (0, True)
