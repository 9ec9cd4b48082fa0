"""Secrets of every kind, made up, and put together here so that no scanner takes them for real."""

from __future__ import annotations

CORE = "q7Zk3Xw9Rt2Lm8Vp4Ns6Bd1H"
"""What is in every one of them, and in nothing else."""

JWT = ".".join(("ey" + "JhbGciOiJSUzI1NiJ9", "ey" + f"JzdWIiOiI{CORE}", f"c2ln{CORE}"))
PEM = "\n".join(
    (
        "-----BEGIN RSA PRIV" + "ATE KEY-----",
        "Proc-Type: 4,ENCRYPTED",
        f"MIIEow{CORE}+/aB=",
        "-----END RSA PRIV" + "ATE KEY-----",
    )
)

PATTERNS: dict[str, tuple[str, ...]] = {
    "jwt": (JWT, JWT.rpartition(".")[0] + "."),
    "private_key": (PEM, PEM.replace("\n", "\\n")),
    "commonhold_key": (
        "ch" + f"k_agent_{CORE[:12]}_{CORE}{CORE[:19]}_{CORE[:6]}",
        "whs" + f"ec_{CORE}{CORE}=",
        "chv" + f"1.{CORE}.{CORE}",
    ),
    "aws_key": ("AK" + "IA" + CORE[:16].upper(), "AS" + "IA" + CORE[:16].upper()),
    "google_key": ("AI" + f"za{CORE}{CORE[:11]}", "GOC" + f"SPX-{CORE}", "ya" + f"29.{CORE}"),
    "github_token": ("gh" + f"p_{CORE}{CORE[:12]}", "github" + f"_pat_{CORE}{CORE}"),
    "gitlab_token": ("glp" + f"at-{CORE}",),
    "slack_token": ("xo" + f"xb-123-{CORE}", "hooks.sl" + f"ack.com/services/T1/B2/{CORE}"),
    "api_key": ("s" + f"k-proj-{CORE}", "s" + f"k-ant-api03-{CORE}", "gs" + f"k_{CORE}"),
    "stripe_key": ("sk" + f"_live_{CORE}", "rk" + f"_test_{CORE}"),
    "registry_token": ("h" + f"f_{CORE}{CORE}", "np" + f"m_{CORE}{CORE[:12]}"),
    "azure_key": (
        f"AccountName=a;AccountKey={CORE}{CORE}==;Endpoint=x",
        f"https://a.blob.core.windows.net/x?sv=1&sig={CORE}{CORE}%3D",
    ),
    "bearer": (f"Bearer {CORE}", f"bearer  {CORE}=="),
    "authorization": (f"curl -H 'Authorization: Basic {CORE}'", f'"authorization"="token {CORE}"'),
    "password": (f"called with {{'Pass-Word': 1, 'password': '{CORE}'}}",),
    "url_password": (
        f"postgresql://me:{CORE}@db:5432/x",
        f"mongodb+srv://me:{CORE}@db",
        f"redis://:{CORE}@cache/0",
        f"postgresql+asyncpg://me:{CORE}@db/x",
    ),
}
"""By the rule that finds them, wherever they stand."""

NAMES: dict[str, tuple[str, ...]] = {
    "authorization": ("authorization", "Proxy-Authorization", "http.request.header.authorization"),
    "cookie": ("cookie", "Set-Cookie", "SET_COOKIE"),
    "password": ("password", "PASSWORD", "db.password", "userPasswd", "pAsSwOrD", "pwd"),
    "secret": ("secret", "client_secret", "clientSecret", "X-Webhook-Secret", "secrets"),
    "api_key": ("x-api-key", "api_key", "apiKey", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"),
    "private_key": ("private_key", "privateKey", "ssh.private-key"),
    "token": ("token", "access_token", "refreshToken", "id-token", "X-Auth-Token"),
}
"""By the rule that goes by the name under which something stands."""

CLEAN = (
    "Please reset my password: the token ring in Asia failed, says the bearer of bad news.",
    "A task-force of risk-averse people asked for the sk-learn-compatible-estimator-interface.",
    "The Basic plan has 4,111 tokens; see https://example.com/a/b?sig=1&key=2 at 12:30.",
    "postgresql://me@db/x and redis://cache, or eyJ and AKIA and ghp_ alone",
    "Authorization is not authentication; the author's organization-wide policy.",
    "0af7651916cd43dd8448eb211c80319c 550e8400-e29b-41d4-a716-446655440000 1700000000000000000",
    "def f(password: str, *, token=None) -> Secret: return cookie",
    "[redacted:jwt] and Bearer [redacted:bearer]",
)
"""Texts in which there is nothing to be found."""

KEPT = {
    "gen_ai.usage.input_tokens": 412,
    "max_tokens": "4096",
    "token_count": "17",
    "secret": None,
    "password": 5,
    "is_secret": True,
    "api_key_id": "k1",
    "password_policy": "long",
    "public_key": "ssh-ed25519 AAAA",
    "next_page_token": "abc",
    "primary_key": "id",
    "properties": {"password": {"type": "string", "description": "The password."}},
    "token": "",
}
"""What stands under a name that only looks like one, or is no text."""
