"""Settings are read once, checked together, and hide their secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from commonhold import compose
from commonhold.settings import (
    ClientSettings,
    InvalidSettings,
    Settings,
    documented,
    unknown_names,
)
from commonhold.settings.addresses import is_loopback, redact_url


def refused(environ: dict[str, str], **flags: object) -> InvalidSettings:
    """The error of settings that are not valid."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.load(flags, environ)
    return caught.value


def test_nothing_set_is_a_service_for_this_machine() -> None:
    """SQLite in the working folder, loopback, mode none."""
    settings = Settings.load({}, {})

    assert settings == Settings()
    assert settings.database == "sqlite:///commonhold.db"
    assert (settings.host, settings.port, settings.auth) == ("127.0.0.1", 8080, "none")


def test_a_flag_wins_over_its_variable() -> None:
    """And a flag that is not given leaves it alone."""
    environ = {"COMMONHOLD_PORT": "1000", "COMMONHOLD_WORKERS": "2"}

    settings = Settings.load({"port": "2000", "workers": None}, environ)

    assert (settings.port, settings.workers) == (2000, 2)


@pytest.mark.parametrize("kind", [Settings, ClientSettings])
def test_an_empty_variable_counts_as_not_set(kind: type[Settings | ClientSettings]) -> None:
    """Deployment templates leave variables empty."""
    empty = {setting.env: "" for setting in documented(kind)}

    loaded = Settings.load({}, empty) if kind is Settings else ClientSettings.from_env(empty)

    assert loaded == kind()


def test_every_wrong_setting_is_named_at_once() -> None:
    """Nobody mends one only to meet the next."""
    environ = {
        "COMMONHOLD_PORT": "70000",
        "COMMONHOLD_WORKERS": "0",
        "COMMONHOLD_INSECURE": "maybe",
        "COMMONHOLD_LOG_LEVEL": "loud",
        "COMMONHOLD_MAX_BODY_BYTES": "64 MB",
        "COMMONHOLD_SHUTDOWN_GRACE_S": "-1",
        "COMMONHOLD_DATABASE": "mysql://root@db/x",
        "COMMONHOLD_HOST": "http://0.0.0.0",
    }

    error = refused(environ)

    assert [each.loc for each in error.errors] == [(name,) for name in sorted_as_fields(environ)]
    assert all("expected" in each.msg for each in error.errors)
    assert all(name in error.detail for name in environ)


def sorted_as_fields(environ: dict[str, str]) -> list[str]:
    """Names in the order of the documentation."""
    return [setting.env for setting in documented(Settings) if setting.env in environ]


def test_a_wrong_flag_is_named_as_a_flag() -> None:
    """So that one looks at the command line and not at the environment."""
    assert "--log-level" in refused({}, log_level="loud").detail


def test_a_gateway_is_believed_only_where_it_is_said_to_be() -> None:
    """Not everywhere: neither by a list that is empty, nor by a network of half the world."""
    with pytest.raises(InvalidSettings, match="COMMONHOLD_GATEWAY_CIDRS: gateway needs it"):
        Settings(auth="gateway").refuse_unsafe()
    for wide in ("0.0.0.0/0", "::/0", "10.0.0.0/8, 0.0.0.0/1", "::ffff:0:0/96"):
        told = refused({"COMMONHOLD_GATEWAY_CIDRS": wide}).detail
        assert "whoever connects" in told
    for text in ("10.1.2.3/8", "gateway", "10.0.0.0/33"):
        assert "expected addresses" in refused({"COMMONHOLD_GATEWAY_CIDRS": text}).detail
    kept = Settings.load({}, {"COMMONHOLD_GATEWAY_CIDRS": "10.1.0.0/16, ::ffff:10.2.0.1/128"})
    assert kept.gateway_cidrs == "10.1.0.0/16,10.2.0.1/32"
    assert Settings.load({}, kept.to_environ()) == kept


def test_modes_are_the_same_however_they_are_written() -> None:
    """Several with commas between; `keycloak` is another name; `none` is alone, or refused."""
    for text in ("oidc,keys", "Keys, Keycloak", "keys,oidc,oidc"):
        loaded = Settings.load({}, {"COMMONHOLD_AUTH": text})
        assert (loaded.auth, loaded.modes) == ("keys,oidc", frozenset({"keys", "oidc"}))
    assert Settings.load({"auth": "Gateway, keys"}, {}).auth == "keys,gateway"
    for text in ("none,keys", "keys,", "saml"):
        assert "expected" in refused({"COMMONHOLD_AUTH": text}).detail


def test_an_error_does_not_show_a_password() -> None:
    """It is printed, and often logged."""
    detail = refused({"COMMONHOLD_DATABASE": "mysql://root:hunter2@db/x"}).detail

    assert "hunter2" not in detail
    assert "mysql://root:***@db/x" in detail


@pytest.mark.parametrize("url", ["mysql:root:hunter2@db", "://root:hunter2@db", "root:hunter2@db"])
def test_what_is_no_url_hides_what_may_be_a_password(url: str) -> None:
    """A URL with a typing error holds the same secret."""
    assert "hunter2" not in refused({"COMMONHOLD_DATABASE": url}).detail


def test_settings_printed_by_accident_show_no_secret() -> None:
    """Neither those of the service nor those of the client."""
    secret = "postgresql://me:hunter2@db/x"

    shown = repr(Settings(database=secret)) + repr(ClientSettings(url=secret, token="hunter2"))

    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("2KiB", 2048), ("64 MiB", 64 << 20), ("1gib", 1 << 30)],
)
def test_a_size_may_have_a_unit(text: str, size: int) -> None:
    """Bytes, or a binary multiple of them."""
    assert Settings.load({"max_body_bytes": text}, {}).max_body_bytes == size


@pytest.mark.parametrize("text", ["0", "-1", "1.5MiB", "MiB", "64MB", "1e6"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """Decimal units too: nobody should have to guess which one is meant."""
    assert "64MiB" in refused({}, max_body_bytes=text).detail


def test_what_kubernetes_sets_for_a_service_is_not_a_port() -> None:
    """A service named `commonhold` sets COMMONHOLD_PORT in every pod of its namespace.

    One named `commonhold-otlp-grpc` does the same to the port that we have for it.
    """
    environ = {
        "COMMONHOLD_PORT": "tcp://10.96.0.7:8080",
        "COMMONHOLD_PORT_8080_TCP": "tcp://10.96.0.7:8080",
        "COMMONHOLD_SERVICE_HOST": "10.96.0.7",
        "COMMONHOLD_OTLP_GRPC_PORT": "tcp://10.96.0.7:4317",
        "COMMONHOLD_OTLP_GRPC_PORT_4317_TCP": "tcp://10.96.0.7:4317",
        "COMMONHOLD_OTLP_GRPC_SERVICE_HOST": "10.96.0.7",
    }

    assert Settings.load({}, environ) == Settings()
    assert unknown_names(environ) == ()


def test_a_misspelt_variable_is_found() -> None:
    """It would otherwise be without effect, and without a word."""
    assert unknown_names({"COMMONHOLD_DATABSE": "x", "COMMONHOLD_URL": "y", "HOME": "z"}) == (
        "COMMONHOLD_DATABSE",
    )


def test_settings_survive_the_way_to_a_worker() -> None:
    """They are handed on as variables."""
    settings = Settings(
        database="postgresql://u:p%40@db/x?host=%2Frun", port=0, insecure=True, max_body_bytes=3
    )

    assert Settings.load({}, settings.to_environ()) == settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST"])
def test_loopback_is_safe(host: str) -> None:
    """Only this machine can connect."""
    Settings(host=host).refuse_unsafe()
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "commonhold", "localhost.evil.org"])
def test_any_other_address_without_authentication_is_refused(host: str) -> None:
    """Unless it is said that this is meant; the sentence says how."""
    with pytest.raises(InvalidSettings, match="COMMONHOLD_INSECURE=true"):
        Settings(host=host).refuse_unsafe()

    Settings(host=host, insecure=True).refuse_unsafe()


def test_a_database_in_memory_has_one_worker() -> None:
    """Each would have a database of its own."""
    with pytest.raises(InvalidSettings, match="belongs to one process"):
        Settings(database="sqlite:///:memory:", workers=2).refuse_unsafe()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://me:p%40ss@db:5432/x?sslmode=require",
            "postgresql://me:***@db:5432/x?sslmode=require",
        ),
        ("postgresql://me@db/x?password=p&host=h", "postgresql://me@db/x?password=***&host=h"),
        ("postgresql:///x?host=%2Frun", "postgresql:///x?host=%2Frun"),
        ("postgresql://:p@db/x", "postgresql://db/x"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
        ("https://h/v1?token=abc", "https://h/v1?token=***"),
        ("postgresql://[half", "(a URL that cannot be read)"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    """And otherwise as it was given."""
    assert redact_url(url) == shown


def test_a_secret_that_is_too_short_is_refused_and_not_shown() -> None:
    """One that others could guess signs nothing; each of several has to be long enough."""
    long = "0123456789abcdef" * 2

    for text in ("hunter2", f"{long},hunter2", f"{long},"):
        detail = refused({"COMMONHOLD_SECRET": text}).detail
        assert "32 bytes" in detail
        assert "hunter2" not in detail
    kept = Settings.load({}, {"COMMONHOLD_SECRET": f"{long}, {long}"})
    assert kept.secret == (long, long)
    assert long not in repr(kept)
    assert Settings.load({}, kept.to_environ()) == kept


def test_keys_need_a_pepper_from_one_place(tmp_path: Path) -> None:
    """A secret of 32 bytes, or several; said with what to do, and never shown."""
    long, file = "0123456789abcdef" * 2, tmp_path / "pepper"
    assert "openssl rand" in refused_peppers(Settings(auth="keys"))
    assert "32 bytes" in refused({"COMMONHOLD_PEPPER": "hunter2"}).detail
    both = Settings(auth="keys", pepper=(long,), pepper_file=str(file))
    assert "set one of them" in refused_peppers(both)
    assert "cannot be read" in refused_peppers(Settings(pepper_file=str(file)))
    for text in ("", "hunter2", f"{long}\nhunter2\n"):
        file.write_text(text)
        told = refused_peppers(Settings(pepper_file=str(file)))
        assert "32 bytes" in told
        assert "hunter2" not in told
    file.write_text(f"{long}\n\n{long[::-1]}\n")
    first, second = compose.peppers_of(Settings(pepper_file=str(file)))
    assert first == compose.peppers_of(Settings(pepper=(long,)))[0]
    assert first.pepper_id != second.pepper_id
    assert long not in repr([first, Settings(pepper=(long,))])


def refused_peppers(settings: Settings) -> str:
    """Why these settings have no pepper."""
    with pytest.raises(InvalidSettings) as caught:
        compose.peppers_of(settings)
    return caught.value.detail


def test_keys_for_some_and_no_key_for_everybody_exclude_each_other() -> None:
    """One of the two was meant."""
    with pytest.raises(InvalidSettings, match="COMMONHOLD_INSECURE"):
        Settings(auth="keys", insecure=True).refuse_unsafe()
    Settings(auth="keys", host="0.0.0.0").refuse_unsafe()


def test_origins_are_named_one_by_one_as_browsers_write_them() -> None:
    """Never all of them, and nothing that a browser would not send."""
    told = "https://App.example:443, http://[::1]:8080,http://localhost:3000,https://app.example"
    settings = Settings.load({}, {"COMMONHOLD_CORS_ORIGINS": told})

    assert settings.cors_origins == (
        *("https://app.example", "http://[::1]:8080", "http://localhost:3000"),
    )
    assert Settings.load({}, settings.to_environ()) == settings
    assert "everybody" in refused({"COMMONHOLD_CORS_ORIGINS": "*"}).detail
    for text in ("null", "app.example", "https://app.example/", "https://a,", "ftp://a"):
        assert "expected origins" in refused({"COMMONHOLD_CORS_ORIGINS": text}).detail
