"""Values that may not be shown: a string that stays marked, and the masking of its forms in any text.

Stage: from the resolving of `${env:…}` to everything that is written. Touches nothing outside this process.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, SupportsIndex
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 6
"""Characters. A shorter value is not searched for in texts: it would blot out ordinary words."""


class Secret(str):
    """A string that is not shown by `repr`, and whose derivations by its own methods are secrets too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return self

    def reveal(self) -> str:
        """The value as a plain string, for the one library call that needs it."""
        return "".join(self)

    def __add__(self, other: str) -> Secret:
        return Secret(str.__add__(self, other))

    def __radd__(self, other: str) -> Secret:
        return Secret(str.__add__(other, self))

    def __mod__(self, other: Any) -> Secret:
        return Secret(str.__mod__(self, other))

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(str.__getitem__(self, key))

    def __format__(self, spec: str) -> str:
        return Secret(str.__format__(self.reveal(), spec))


def _keeping(name: str) -> Callable[..., Any]:
    plain = getattr(str, name)

    def derived(self: Secret, *args: Any, **kwargs: Any) -> Any:
        result = plain(self, *args, **kwargs)
        if isinstance(result, str):
            return Secret(result)
        return type(result)(map(Secret, result))

    derived.__name__ = name
    return derived


for _name in (
    "capitalize casefold center expandtabs format format_map join ljust lower lstrip partition removeprefix "
    "removesuffix replace rjust rpartition rsplit rstrip split splitlines strip swapcase title translate upper zfill"
).split():
    setattr(Secret, _name, _keeping(_name))


class Masker:
    """Replaces every form of the registered secrets by `***`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Mask these values too, from now on; values shorter than `SHORTEST` are left out."""
        for secret in secrets:
            if len(secret) >= SHORTEST:
                self._forms |= forms_of("".join(secret))
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def learn(self, other: Masker) -> None:
        """Mask what `other` masks, too."""
        self._forms |= other._forms
        self.add()

    def text(self, text: str) -> str:
        """`text` without any form of any secret."""
        if isinstance(text, Secret):
            return MASK
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """`value` with every string in it, keys too, masked; containers are copied, other values kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        return value


def forms_of(secret: str) -> set[str]:
    """How `secret` may appear in a text: raw, in URLs, in base64 (at any offset), in JSON and in Python's `repr`."""
    forms = {
        secret,
        quote(secret, errors="surrogatepass"),
        quote(secret, safe="", errors="surrogatepass"),
        quote_plus(secret, errors="surrogatepass"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        repr("".join(secret))[1:-1],
    }
    forms |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in list(forms)}
    data = secret.encode("utf-8", "surrogatepass")
    return {form for form in forms | _base64_forms(data) if len(form) >= SHORTEST}


def _base64_forms(data: bytes) -> set[str]:
    """The characters of base64 that are decided by `data` alone, wherever in the encoded bytes it begins."""
    forms = {base64.b64encode(data).decode(), data.hex()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        first = (offset * 8 + 5) // 6
        last = (offset + len(data)) * 8 // 6
        forms.add(encoded[first:last])
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}
