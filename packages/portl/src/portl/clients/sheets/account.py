"""A service account: its key file, and the tokens it gets for it.

Stage: a file + the token endpoint it names → access tokens. The private key leaves this module only as signatures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from portl.clients.base import HttpRequest
from portl.clients.http import HttpClient
from portl.clock import Clock
from portl.errors import MissingPackageError, RequestError
from portl.jsontext import loads
from portl.secrets import Secret

SCOPE = "https://www.googleapis.com/auth/spreadsheets"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_S = 3600
EARLY_S = 60
"""So long before its end a token is not used any more."""
LONGEST_FILE = 100_000
"""Bytes."""


@dataclass(frozen=True)
class Account:
    """What a key file says."""

    email: str
    token_uri: str
    key_id: str | None
    key: Secret


def read_account(path: Path, shown: str) -> Account:
    """The account whose key file is at `path`. Raises RequestError, whose message never quotes the file."""
    try:
        with path.open("rb") as file:
            content = loads(file.read(LONGEST_FILE))
    except OSError as error:
        raise RequestError(f"{shown}: the key file cannot be read: {error.strerror}.") from error
    except ValueError:
        raise RequestError(f"{shown}: this is no key file of a service account: it is not JSON.", hint=_HINT) from None
    if not isinstance(content, dict) or content.get("type") != "service_account":
        kind = content.get("type") if isinstance(content, dict) else None
        said = f"its type is '{kind}'" if isinstance(kind, str) and len(kind) < 50 else "it has no type"
        raise RequestError(f"{shown}: this is no key file of a service account: {said}.", hint=_HINT)
    for name in ("client_email", "token_uri", "private_key"):
        if not isinstance(content.get(name), str) or not content[name]:
            raise RequestError(f"{shown}: the key file has no {name}.", hint=_HINT)
    key_id = content.get("private_key_id")
    return Account(
        email=content["client_email"],
        token_uri=content["token_uri"],
        key_id=key_id if isinstance(key_id, str) else None,
        key=Secret(content["private_key"]),
    )


_HINT = "Make one in Google Cloud: IAM & Admin, Service accounts, Keys, Add key, JSON."


class Tokens:
    """Access tokens of one account; asks for another when the last one is about to end."""

    def __init__(self, account: Account, http: HttpClient, clock: Clock) -> None:
        self._account = account
        self._http = http
        self._clock = clock
        self.secrets: list[str] = []
        """What nobody may see: tokens, and what they were got with."""
        self._token = ""
        self._until = 0.0

    def token(self) -> str:
        """A token that is good for a while. Raises RequestError, ConnectionFailedError."""
        if not self._token or self._clock.monotonic() >= self._until:
            answer = self._asked()
            token, life = answer.get("access_token"), answer.get("expires_in", LIFE_S)
            if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
                raise RequestError(f"{self._account.token_uri} answered without an access token.")
            life = life if isinstance(life, int | float) and 0 < life < LIFE_S * 24 else LIFE_S
            self.secrets.append(token)
            self._token, self._until = token, self._clock.monotonic() + max(life - EARLY_S, 1)
        return self._token

    def drop(self) -> None:
        """Do not use the last token again."""
        self._token = ""

    def _asked(self) -> dict[str, Any]:
        request = HttpRequest(
            "POST",
            "",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": GRANT, "assertion": self._assertion()}),
            expect_status=(200, 400, 401, 403),
        )
        reply = self._http.send(request)
        body = reply.body if isinstance(reply.body, dict) else {}
        if reply.status == 200:
            return body
        reason = ": ".join(str(body[name]) for name in ("error", "error_description") if body.get(name)).rstrip(".")
        raise RequestError(
            f"Google gives the service account {self._account.email} no token: {reason or f'status {reply.status}'}.",
            hint="Is its key still valid, and is this machine's clock right?",
            code=str(reply.status),
        )

    def _assertion(self) -> str:
        """The account's signed word that it is itself."""
        try:
            from google.auth import crypt, jwt  # noqa: PLC0415  # an extra, and slow to import
        except ImportError:
            raise MissingPackageError("a connection of type google_sheets", "portl[sheets]") from None
        account, now = self._account, int(self._clock.now().timestamp())
        try:
            signer = crypt.RSASigner.from_string(account.key.reveal(), account.key_id)  # type: ignore[no-untyped-call]  # google.auth does not say
        except Exception:  # what a key can be wrong with, cryptography says in many classes; none may be quoted
            raise RequestError(f"The private key of {account.email} cannot be used.", hint=_HINT) from None
        claims = {
            "iss": account.email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": now,
            "exp": now + LIFE_S,
        }
        signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]  # as above
        self.secrets = [*self.secrets[-2:], signed.decode()]
        return signed.decode()
