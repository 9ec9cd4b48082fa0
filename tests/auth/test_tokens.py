"""Which tokens are taken: the profile, kind by kind, and everything that must not get through."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from commonhold.auth import tokens as module
from commonhold.auth.issuers import Issuer, Issuers
from commonhold.auth.jwks import KeySet
from commonhold.auth.signatures import Key, read_keys
from commonhold.auth.token_form import MAX_HEADER, MAX_TOKEN
from commonhold.auth.tokens import Verifier
from commonhold.errors import Unauthenticated
from commonhold.model import clock
from commonhold.model.clock import Micros
from tests.auth.minting import (
    OURS,
    SECRET,
    URL,
    Mint,
    elliptic,
    public,
    rsa,
    sealed,
    sealed_with,
    segment,
)

AT = Mint()
KEYCLOAK = replace(AT, header={"typ": "JWT"}, claims={"typ": "Bearer", "azp": "ui"})
NOBODY = {"client_id": None, "jti": None}
POD = replace(
    AT,
    header={},
    claims={**NOBODY, "aud": [OURS], "sub": "system:serviceaccount:fleet:weather"},
)
SVID = replace(
    AT,
    key=elliptic("P-256"),
    algorithm="ES256",
    header={"typ": "JWT"},
    claims={**NOBODY, "iss": None, "aud": [OURS], "sub": "spiffe://fleet.example/ns/a/sa/weather"},
)
PLAIN = replace(AT, header={}, claims=NOBODY)

ISSUERS = {
    "rfc9068": Issuer("main", URL, (OURS,)),
    "keycloak": Issuer("main", URL, (OURS,), "keycloak"),
    "kubernetes": Issuer("main", URL, (OURS,), "kubernetes"),
    "spiffe": Issuer("main", URL, (OURS,), "spiffe", trust_domains=("fleet.example",)),
    "plain": Issuer("main", URL, (OURS,), "plain", compat_audiences=("weather",)),
}
MINTS = {"rfc9068": AT, "keycloak": KEYCLOAK, "kubernetes": POD, "spiffe": SVID, "plain": PLAIN}
KEYS = public(rsa(), *map(elliptic, ("P-256", "P-384", "P-521")))


def verifier(
    issuer: Issuer = ISSUERS["rfc9068"],
    keys: Mapping[str, Any] = KEYS,
    now: Callable[[], Micros] = clock.now,
) -> Verifier:
    """What verifies tokens of one issuer that has these keys."""

    async def source() -> Mapping[str, Key]:
        return read_keys(json.dumps(keys).encode())

    return Verifier(Issuers([issuer]), {issuer.alias: KeySet(issuer.alias, source)}, now)


@pytest.mark.parametrize("kind", ISSUERS)
async def test_tokens_of_every_kind_are_taken(kind: str) -> None:
    """As their issuers make them; what they say is told as it is."""
    token = await verifier(ISSUERS[kind]).verify(MINTS[kind].token(act={"sub": "a", "iss": URL}))
    assert token.issuer.alias == "main"
    assert token.subject == token.claims["sub"] == MINTS[kind].claims.get("sub", "ada")
    assert token.client_id == token.claims.get("client_id")
    assert token.expires_at == token.claims["exp"] * 1_000_000
    assert (token.act, token.is_compat) == ({"sub": "a", "iss": URL}, False)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        *((name, rsa()) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        *(("ES256", elliptic("P-256")), ("ES384", elliptic("P-384")), ("ES512", elliptic("P-521"))),
    ],
)
async def test_every_algorithm_that_is_allowed_works(algorithm: str, key: Any) -> None:
    """And none of them where an issuer does not name it."""
    text = replace(AT, key=key, algorithm=algorithm).token()
    assert (await verifier().verify(text)).subject == "ada"
    fewer = tuple(name for name in ISSUERS["rfc9068"].algorithms if name != algorithm)
    with pytest.raises(Unauthenticated, match="alg"):
        await verifier(replace(ISSUERS["rfc9068"], algorithms=fewer)).verify(text)


def forged(text: str, **claims: Any) -> str:
    """The token with other claims, and the signature that it had."""
    head, _, seal = text.split(".")
    return f"{head}.{segment(json.dumps(AT.said(**claims)).encode()).decode()}.{seal}"


def raw(payload: str, header: str = '{"alg":"RS256","kid":"rsa","typ":"at+jwt"}') -> str:
    """A token of exactly these texts, well signed."""
    return sealed(header.encode(), payload.encode(), rsa(), "RS256")


def hostile() -> dict[str, dict[str, str]]:
    """Tokens of RFC 9068 that must not get through: by how the refusal begins, and what is wrong."""
    now = int(time.time())
    said = json.dumps(AT.said())
    end = str(json.loads(said)["exp"])
    mine = rsa("mine").as_dict(private=False)
    none = b'{"alg":"none","kid":"rsa","typ":"at+jwt"}'
    shared = b'{"alg":"HS256","kid":"rsa","typ":"at+jwt"}'
    edward = b'{"alg":"EdDSA","kid":"rsa","typ":"at+jwt"}'
    curved = b'{"alg":"ES256","kid":"rsa","typ":"at+jwt"}'
    return {
        "The token is not one that can be read": {
            "nothing": "",
            "one segment": "eyJ",
            "a segment too many": AT.token() + ".e30",
            "padding": AT.token() + "=",
            "a line break": AT.token() + "\n",
            "letters of others": "ey\u00e9.\u00e9.\u00e9",
            "no signature": AT.token().rpartition(".")[0] + ".",
            "alg none": sealed(none, said.encode(), rsa(), "RS256").rpartition(".")[0] + ".",
            "a header twice": raw(said, '{"alg":"none","alg":"RS256","kid":"rsa","typ":"at+jwt"}'),
            "a claim twice": raw(said[:-1] + ',"sub":"eve"}'),
            "a claim twice, deep inside": raw(said[:-1] + ',"act":{"sub":"a","sub":"b"}}'),
            "nested without end": raw('{"a":' + "[" * 5000 + "]" * 5000 + "}"),
            "a list": raw("[]"),
            "a text": raw('"x"'),
            "no JSON": raw("x"),
            "no UTF-8": sealed(b'{"alg":"RS256","kid":"rsa"}', b'{"sub":"\xff"}', rsa(), "RS256"),
            "a number that is none": raw(said.replace(end, "NaN")),
            "a number of thousands of digits": raw(said.replace(end, "9" * 5000)),
        },
        "The token is longer": {"16 kB": AT.token(x="x" * MAX_TOKEN)},
        "The header of the token is longer": {"2 kB": AT.token({"x": "x" * MAX_HEADER})},
        "The header of the token has": {
            "crit": AT.token({"crit": ["exp"], "exp": 1}),
            "b64": AT.token({"b64": False}),
        },
        "The token is signed with an algorithm": {
            "none, with a signature": sealed(none, said.encode(), rsa(), "RS256"),
            "none, in other letters": raw(said, '{"alg":"NoNe","kid":"rsa","typ":"at+jwt"}'),
            "the public key as a shared secret": sealed_with(
                rsa().as_pem(private=False), shared, said.encode()
            ),
            "a shared secret out of the list of keys": replace(
                AT, key=SECRET, algorithm="HS256"
            ).token(),
            "EdDSA": sealed(
                edward, said.encode(), OKPKey.generate_key("Ed25519", {"kid": "rsa"}), "EdDSA"
            ),
            "of another type": raw(said, '{"alg":["RS256"],"kid":"rsa","typ":"at+jwt"}'),
        },
        "The signature of the token": {
            "another key of the same name": replace(AT, key=rsa("rsa", 2056)).token(),
            "an algorithm of another kind of key": AT.token({"kid": "P-256"}),
            "an RSA signature for an elliptic one": sealed(curved, said.encode(), rsa(), "RS256"),
            "its own key": replace(AT, key=rsa("mine")).token({"jwk": mine, "kid": "rsa"}),
            "addresses of keys": replace(AT, key=rsa("mine")).token(
                {"jku": URL, "x5u": URL, "kid": "rsa"}
            ),
            "other claims under it": forged(AT.token(), sub="eve"),
        },
        "The token is signed with a key": {
            "a short one": replace(AT, key=rsa("short", 1024)).token(),
            "one for encryption": replace(AT, key=rsa("enc")).token(),
            "a path": AT.token({"kid": "../../dev/null"}),
            "one that is not asymmetric": AT.token({"kid": "oct"}),
        },
        "The token does not name the key": {
            "none": AT.token({"kid": None}),
            "of another type": AT.token({"kid": 1}),
            "empty": AT.token({"kid": ""}),
        },
        "The token is of a type": {
            "an ID token": AT.token({"typ": "JWT"}),
            "none": AT.token({"typ": None}),
            "a logout token": AT.token({"typ": "logout+jwt"}),
            "a list": AT.token({"typ": ["at+jwt"]}),
        },
        "The token is no access token": {
            "an ID token": AT.token(at_hash="x"),
            "a logout token": AT.token(events={}),
        },
        "The token is of an issuer": {
            "a stranger": AT.token(iss="https://evil.example"),
            "a slash more": AT.token(iss=URL + "/"),
            "none": AT.token(iss=None),
            "a list": AT.token(iss=[URL]),
        },
        "The token lacks": {
            name: AT.token(**{name: None}) for name in ("sub", "aud", "exp", "iat", "jti")
        },
        "The token names no client": {"none": AT.token(client_id=None)},
        "The token names two clients": {"two": AT.token(azp="other")},
        "The token is for somebody else": {
            "an empty list": AT.token(aud=[]),
            "another": AT.token(aud="weather"),
            "ours in other letters": AT.token(aud=OURS.upper()),
            "ours within a text": AT.token(aud=f"weather {OURS}"),
        },
        "`aud` of the token": {
            "a number": AT.token(aud=[OURS, 1]),
            "an object": AT.token(aud={OURS: 1}),
        },
        "`sub` of the token": {
            "empty": AT.token(sub=""),
            "a number": AT.token(sub=1),
            "blank": AT.token(sub=" "),
            "reserved": AT.token(sub="Anonymous"),
            "two lines": AT.token(sub="ada\neve"),
            "a comma": AT.token(sub="ada,eve"),
            "half a character": AT.token(sub="\ud800"),
            "too long": AT.token(sub="a" * 256),
        },
        "The token has expired": {"long ago": AT.token(exp=now - 31, iat=now - 300)},
        "The token is good for longer": {"days": AT.token(exp=now + 86_500)},
        "The token is from the future": {
            "made tomorrow": AT.token(iat=now + 3600, exp=now + 7200),
            "good from tomorrow": AT.token(nbf=now + 3600),
        },
        "`exp` of the token": {
            "a text": AT.token(exp=str(now + 300)),
            "true": AT.token(exp=True),
            "infinite": raw(said.replace(end, "1e999")),
        },
        "`iat` of the token": {"a text": AT.token(iat=str(now))},
        "`nbf` of the token": {
            "a text": AT.token(nbf="now"),
            "nothing": raw(said[:-1] + ',"nbf":null}'),
        },
        "The token is bound": {
            "to a certificate": AT.token(cnf={"x5t#S256": "x"}),
            "to a key": AT.token(cnf={"jkt": "x"}),
        },
        "`act` of the token": {
            "no name": AT.token(act={}),
            "a text": AT.token(act="weather"),
            "without end": AT.token(act=chain(9)),
            "too long": AT.token(act={"sub": "a", "x": "x" * 4096}),
        },
        "The token names an actor": {
            "of a stranger": AT.token(act={"sub": "a", "iss": "https://evil.example"}),
            "of a number": AT.token(act={"sub": "a", "iss": 1}),
        },
    }


def hostile_elsewhere() -> dict[str, list[tuple[str, str]]]:
    """The same for other kinds of issuers: by how the refusal begins, the kind and the token."""
    ours = "spiffe://fleet.example"
    pods: list[Any] = [{"namespace": "other"}, {"namespace": ["fleet"]}, {}, "fleet"]
    return {
        "The token is no access token": [
            *(
                ("keycloak", KEYCLOAK.token(typ=typ))
                for typ in ("ID", "Refresh", "Offline", "DPoP")
            ),
            ("keycloak", KEYCLOAK.token(typ=None)),
            ("plain", PLAIN.token(typ="ID")),
        ],
        "The token is for somebody else": [
            ("kubernetes", POD.token(aud=["https://kubernetes.default.svc"]))
        ],
        "`sub` of the token": [
            ("kubernetes", POD.token(sub="ada")),
            ("kubernetes", POD.token(sub="system:serviceaccount:fleet:")),
            ("spiffe", SVID.token(iss=URL, sub="spiffe://evil.example/a")),
            *(("spiffe", SVID.token(sub=ours + rest)) for rest in ("", "/", "/a/../b", "/a//b")),
        ],
        "The token is not of one namespace": [
            ("kubernetes", POD.token(None, **{"kubernetes.io": told})) for told in pods
        ],
        "The token is of an issuer": [
            ("spiffe", SVID.token(sub="spiffe://evil.example/a")),
            ("spiffe", SVID.token(sub=f"{ours}.evil/a")),
        ],
        "The token is of a type": [
            ("kubernetes", POD.token({"typ": "JWT"})),
            ("spiffe", SVID.token({"typ": "at+jwt"})),
        ],
    }


def chain(depth: int) -> dict[str, Any]:
    """Actors of actors."""
    return {"sub": "a", "act": chain(depth - 1)} if depth > 1 else {"sub": "a"}


async def test_no_hostile_token_gets_through() -> None:
    """Each is refused, for the reason that is meant, and nothing of it is in the refusal."""
    odd = [
        SECRET.as_dict(private=True),
        rsa("short", 1024).as_dict(private=False),
        {**rsa("enc").as_dict(private=False), "use": "enc"},
    ]
    served = {
        kind: verifier(each, {"keys": [*KEYS["keys"], *odd]}) for kind, each in ISSUERS.items()
    }
    tried = [
        *((told, "rfc9068", text) for told, found in hostile().items() for text in found.values()),
        *((told, *each) for told, found in hostile_elsewhere().items() for each in found),
    ]
    for told, kind, text in tried:
        with pytest.raises(Unauthenticated, match=f"^{re.escape(told)}.*\\.$") as refused:
            await served[kind].verify(text)
        assert not text or text not in refused.value.detail
    assert not any(each._known for each in served.values())


async def test_what_is_allowed_at_the_edge() -> None:
    """Clocks that differ by half a minute, an actor of eight, and one of several audiences."""
    now = int(time.time())
    edge = verifier()
    for text in (
        AT.token(exp=now - 25, iat=now - 100),
        AT.token(iat=now + 25, nbf=now + 25),
        AT.token(exp=now + 300.5),
        AT.token(act=chain(8)),
        AT.token(aud=["weather", OURS]),
        AT.token({"typ": "application/AT+JWT", "jku": "https://evil.example", "x5c": ["x"]}),
        AT.token(azp="ui"),
    ):
        assert (await edge.verify(text)).subject == "ada"
    lent = await verifier(ISSUERS["plain"]).verify(PLAIN.token(aud="weather"))
    own = await verifier(ISSUERS["plain"]).verify(PLAIN.token(aud=["weather", OURS]))
    assert (lent.is_compat, own.is_compat) == (True, False)


async def test_a_token_is_believed_no_longer_than_it_and_its_key_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is remembered is bounded, by number and by size, and never outlives either."""
    keys, at = dict(KEYS), int(time.time())
    now = Micros(at * 1_000_000)
    served = verifier(keys=keys, now=lambda: now)
    text = AT.token(iat=at, exp=at + 60)
    first = await served.verify(text)
    assert await served.verify(text) is first
    now = Micros((at + 60) * 1_000_000)
    again = await served.verify(text)
    assert again is not first  # within the leeway: looked at anew, and not kept
    assert not served._known
    now = Micros((at + 90) * 1_000_000)
    with pytest.raises(Unauthenticated):
        await served.verify(text)

    now = Micros(at * 1_000_000)
    await served.verify(text)
    set_of_keys = served._keys["main"]
    set_of_keys._keys = {kid: key for kid, key in set_of_keys._keys.items() if kid != "rsa"}
    with pytest.raises(Unauthenticated):
        await served.verify(text)

    monkeypatch.setattr(module, "REMEMBERED", 3)
    wide = verifier()
    made = [AT.token(jti=f"{n}") for n in range(5)]
    for each in made:
        await wide.verify(each)
    assert (len(wide._known), wide._bytes) == (3, sum(map(len, made[2:])))
    monkeypatch.setattr(module, "REMEMBERED_BYTES", len(made[4]) + 1)
    await wide.verify(made[0])
    assert (len(wide._known), wide._bytes) == (1, len(made[0]))


def test_a_list_of_keys_is_read_with_care() -> None:
    """Only public keys that may sign are taken; from one without any, nothing is."""
    private = json.dumps({"keys": [rsa().as_dict(private=True)]}).encode()
    assert '"d"' not in read_keys(private)["rsa"].jwk
    weak = {"kty": "RSA", "kid": "weak", "n": rsa().as_dict(private=False)["n"], "e": "AQ"}
    for bad in (
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[]}',
        b'{"keys":[1,{"kty":["RSA"],"kid":"a"},{"kty":"EC","crv":"P-256","kid":"a","x":1,"y":2}]}',
        json.dumps({"keys": [weak]}).encode(),
        json.dumps(public(rsa(), use="enc")).encode(),
        json.dumps(public(rsa(), alg="RSA-OAEP")).encode(),
        json.dumps({"keys": KEYS["keys"] * 20}).encode(),
    ):
        with pytest.raises(ValueError, match=r"."):
            read_keys(bad)
