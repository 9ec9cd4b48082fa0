"""A webhook leads into no network but those that were named, whatever its URL looks like."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from commonhold.client.pinned import PinnedPoster, pinned
from commonhold.errors import InvalidRequest, Unavailable
from commonhold.model.webhook import Conditions, NewWebhook, Ratio, parse_url
from commonhold.service.webhook_targets import Resolve, Targets, is_public
from commonhold.service.webhooks import Courier
from tests.webhooks.conftest import Post
from tests.webhooks.receiver import Receiver

INSIDE = (
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.8", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "192.88.99.1", "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1"),
    *("::8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1"),
    *("2002:7f00:1::1", "2001::1", "2001:db8::1", "3fff::1", "100::1", "4000::1"),
)


def resolving(*answers: Sequence[str]) -> Resolve:
    """A resolver that gives one answer after the other, and the last one from then on."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.mark.parametrize("address", INSIDE)
async def test_no_special_address_is_reached(address: str) -> None:
    """Neither alone nor beside one that may be."""
    assert not is_public(ip_address(address))
    for found in ([address], ["8.8.8.8", address], [address, "2606:4700::1111"]):
        with pytest.raises(InvalidRequest, match="private or special"):
            await Targets(resolve=resolving(found)).find("https://a.example/")


async def test_what_is_public_or_named_is_reached() -> None:
    """Names and networks can be let in, and only then without TLS."""
    public = Targets(["10.0.0.0/8", "Hooks.internal"], resolving(["2606:4700::1111", "8.8.8.8"]))
    assert (await public.find("https://a.example/")).address == "2606:4700::1111"
    with pytest.raises(InvalidRequest, match="must begin with https"):
        await public.find("http://a.example/")
    inside = Targets(["10.0.0.0/8", "Hooks.internal"], resolving(["10.1.1.1"]))
    assert (await inside.find("http://a.example/")).address == "10.1.1.1"
    named = Targets(["Hooks.internal"], resolving(["192.168.0.1"]))
    assert (await named.find("http://hooks.INTERNAL:81/x")).address == "192.168.0.1"
    with pytest.raises(InvalidRequest, match="private or special"):
        await named.find("https://other.internal/")
    with pytest.raises(InvalidRequest, match="not known"):
        await Targets(resolve=resolving([])).find("https://a.example/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "[::1]", "0"])
async def test_no_spelling_of_an_address_hides_it(host: str) -> None:
    """The system's resolver reads all of these."""
    with pytest.raises(InvalidRequest):
        await Targets().find(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.example", "ftp://a.example/", "https://", "https:///x", "https://:80/"),
        *("https://u:p@a.example/", "https://a.example@b.example/", "https://a.example:0/"),
        *("https://a.example:99999/", "https://a.example/#x", "https://a.example/ x"),
        *("https://a.example\\@b.example/", "https://\u00e4.example/", "https://[::1/"),
        "https://a.example/" + "x" * 2048,
    ],
)
def test_a_url_that_could_be_read_in_two_ways_is_none(url: str) -> None:
    """Login data and other ways to confuse the readers of URLs are refused."""
    with pytest.raises(InvalidRequest, match="https URL"):
        parse_url(url)


def test_the_receiver_sees_its_name_and_the_connection_the_address() -> None:
    """For TLS, too: it is the name that the certificate has to have."""
    for address, host in (("203.0.113.7", "203.0.113.7"), ("2606:4700::1111", "2606:4700::1111")):
        request = pinned("https://a.example:8443/x?y=z", address, {"A": "b"}, b"{}")
        assert (request.url.host, request.url.port, request.url.raw_path) == (host, 8443, b"/x?y=z")
        assert request.headers["host"] == "a.example:8443"
        assert request.extensions["sni_hostname"] == "a.example"


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What `hooks.example` serves with, and what trusts it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes a certificate, is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = [openssl, "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=hooks.example"]
    made += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    made += ["-addext", "subjectAltName=DNS:hooks.example", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    return serving, ssl.create_default_context(cafile=str(cert))


async def test_a_certificate_must_have_the_name_that_is_connected_to_by_its_address(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Whoever takes over an address gets no event of the name, and the receiver hears its name."""
    serving, trusting = tls
    poster = PinnedPoster(trusting)
    async with Receiver(tls=serving) as receiver:
        at = f"hooks.example:{receiver.port}"
        assert await poster.post(f"https://{at}/x", "127.0.0.1", {}, b"{}") == (200, "ok")
        with pytest.raises(Unavailable, match=r"not valid for 'other\.example'"):
            await poster.post(f"https://other.example:{receiver.port}/", "127.0.0.1", {}, b"{}")
    assert [got.headers["host"] for got in receiver.got] == [at]
    await poster.aclose()


async def test_a_name_that_changes_its_address_is_looked_at_again(
    post: Post, receiver: Receiver
) -> None:
    """What was public when the webhook was made is connected to only while it is."""
    targets = Targets(resolve=resolving(["93.184.216.34"], ["127.0.0.1"]))
    url = f"https://rebinding.example:{receiver.port}/"
    await targets.find(url)
    hook = await post.backend.webhooks.create(NewWebhook(url, Conditions(rating="down")))
    sent: list[str] = []

    async def record(url: str, address: str, *_: object) -> tuple[int, str]:
        sent.append(address)
        return 200, ""

    await post.vote(0)
    await post.outbox.evaluate()
    courier = Courier(post.outbox, targets, record, now=post.clock)
    await courier.start()
    await courier.finish()

    [failed] = await post.deliveries(hook)
    assert (failed.attempts, failed.state, sent) == (1, "pending", [])
    assert "private or special" in (failed.error or "")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (Conditions, "conditions"),
        (lambda: Conditions(rating="sideways"), "rating"),  # type: ignore[arg-type]
        (lambda: Conditions(label="rude"), "label"),
        (lambda: Conditions(name="", rating="up"), "name"),
        (lambda: Conditions(name="x", value_below=float("nan")), "value_below"),
        (lambda: Conditions(rating="up", source="dog"), "source"),
        (lambda: Conditions(rating="down", ratio=Ratio(0.5, 1)), "ratio"),
        (lambda: Ratio(0, 1), "ratio"),
        (lambda: Ratio(0.5, 0), "ratio"),
        (lambda: Ratio(0.5, 1, "month"), "ratio"),  # type: ignore[arg-type]
    ],
)
def test_conditions_that_make_no_sense_are_refused(make: object, field: str) -> None:
    """Naming the field, and what it may be."""
    with pytest.raises(InvalidRequest) as refused:
        make()  # type: ignore[operator]
    assert [error.loc for error in refused.value.errors] == [(field,)]
