"""Hiding what must not be printed. Pure functions of texts."""

from __future__ import annotations

import re

HIDDEN = "********"
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW(OR)?D|PASSPHRASE|PASSCODE|PWD|KEY|CREDENTIAL|PRIVATE|SIGNATURE|COOKIE|SALT|(^|_)(AUTH|PASS|PIN)(_|$)",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*:)[^\s/?#]+(?=@)")


def is_secret_name(name: str) -> bool:
    """Whether an environment variable called `name` probably holds a secret."""
    return bool(_SECRET_NAME.search(name))


def without_password(text: str) -> str:
    """`text` with the passwords of the URLs in it hidden."""
    return _URL_PASSWORD.sub(rf"\g<before>{HIDDEN}", text)


def shown(name: str, text: str) -> str:
    """The value `text` of the environment variable `name` as it may be printed."""
    return HIDDEN if text and is_secret_name(name) else without_password(text)
