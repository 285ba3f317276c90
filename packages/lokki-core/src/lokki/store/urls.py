"""From keys to URLs and back, so that one thing has one URL and a URL cannot lead elsewhere.

Pure functions of strings. A URL is accepted only as `to_url` would have written it: other spellings of the same
place (`%2e%2e`, `//`, a query) are refused without asking what they might mean.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import StoreUrlError
from .keys import check_part

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~")


def quote(text: str) -> str:
    """Percent-encode the UTF-8 bytes of `text`, but for letters, digits, `/` and `-._~`."""
    if _PLAIN.issuperset(text):
        return text
    encoded = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in encoded)


def quote_marks(text: str) -> str:
    """Percent-encode only what would end a URL's path or start an escape: S3 URLs spell keys as they are."""
    return text.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def unquote(text: str) -> str:
    """The inverse of both; what is no escape stays as it is."""
    if "%" not in text:
        return text
    head, *rest = text.encode("utf-8", "surrogateescape").split(b"%")
    return b"".join([head, *map(_unescape, rest)]).decode("utf-8", "surrogateescape")


def _unescape(piece: bytes) -> bytes:
    try:
        return bytes.fromhex(piece[:2].decode("ascii")) + piece[2:] if len(piece) > 1 else b"%" + piece
    except ValueError:
        return b"%" + piece


def key_of(url: str, base: str, quoted: Callable[[str], str] = quote) -> str:
    """The key that `url` names under `base`, a URL that ends in a slash.

    Raises `StoreUrlError` if it lies elsewhere or is not written the one way this store writes it.
    """
    if not url.startswith(base):
        raise StoreUrlError(f"this lies outside {base}, where this store keeps its data.", url=url, operation="read")
    key = unquote(url[len(base) :])
    try:
        parts_fine = all(check_part(part) for part in key.split("/"))
    except StoreUrlError:
        parts_fine = False
    if not parts_fine or base + quoted(key) != url:
        raise StoreUrlError("this is not a URL that a store gives out.", url=url, operation="read")
    return key
