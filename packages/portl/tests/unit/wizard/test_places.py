"""Where rows come from and go to, as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import CommandLineError
from portl.wizard.places import CsvPlace, DatabasePlace, parse, seen_from

SECRET = "hunter22"
ENVIRONMENT = {
    "SHOP_DSN": f"postgresql://me:{SECRET}@db/shop?application_name=x",
    "OTHER": "oracle://me@db/shop",
    "MYSQL_URL": f"mysql://me:{SECRET}@db/shop?charset=x",
    "EMPTY": "",
}


def test_files() -> None:
    assert parse("in/Products 1.csv", {}) == CsvPlace("in/Products 1.csv")
    assert parse("./a.TSV", {}) == CsvPlace("a.TSV")
    assert parse("csv:data", {}) == CsvPlace("data")
    assert parse("shop.db", {}) == DatabasePlace("sqlite", "shop.db")
    assert parse("sqlite:shop", {}) == DatabasePlace("sqlite", "shop")
    assert parse("sqlite:///shop", {}) == DatabasePlace("sqlite", "shop")
    assert parse("sqlite:////data/shop", {}) == DatabasePlace("sqlite", "/data/shop")
    assert parse("in/Products 1.csv", {}).name == "products_1"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@db:5433/shop",
        "postgresql://db/shop",
        "postgresql:///shop?host=/var/run/x",
        "postgresql://me@db/shop?sslmode=require",
        "postgresql://m%40e@db/sh%2Fop",
        "postgresql://me@[::1]:5432/shop",
        "mysql://me@db:3307/shop",
        "mysql://me@/shop?unix_socket=/run/x.sock",
        "${env:MYSQL_URL}",
        "${env:SHOP_DSN}",
    ],
)
def test_a_database_is_shown_as_it_was_written(text: str) -> None:
    place = parse(text, ENVIRONMENT)
    assert place.shown == text
    assert parse(place.shown, ENVIRONMENT) == place


def test_the_password_is_for_looking_only() -> None:
    place = parse(f"postgres://me:{SECRET}@db:5433/shop", {})
    assert isinstance(place, DatabasePlace)
    assert SECRET not in f"{place} {place.shown} {place.connection(folder='.', with_password=True)}"
    assert place.connection(folder=".", with_password=True) == {
        "type": "postgres",
        "host": "db",
        "port": 5433,
        "database": "shop",
        "user": "me",
        "password": "${env:SHOP_PASSWORD}",
    }
    assert place.open_with(place.password)["password"] == SECRET
    assert "password" not in place.connection(folder=".", with_password=False)


def test_a_socket_is_no_host() -> None:
    place = parse("mysql://root@localhost/shop?unix_socket=/run/x.sock", {})
    assert isinstance(place, DatabasePlace)
    expected = {"type": "mysql", "unix_socket": "/run/x.sock", "database": "shop", "user": "root"}
    assert place.connection(folder=".", with_password=False) == expected


def test_an_address_in_a_variable_stays_there() -> None:
    for text in ("${env:SHOP_DSN}", "env:SHOP_DSN", "$SHOP_DSN", "${SHOP_DSN}"):
        place = parse(text, ENVIRONMENT)
        assert isinstance(place, DatabasePlace)
        assert SECRET not in repr(place)
        assert place.connection(folder=".", with_password=True) == {"type": "postgres", "dsn": "${env:SHOP_DSN}"}
        assert place.open_with(None) == {"type": "postgres", "dsn": ENVIRONMENT["SHOP_DSN"]}
    place = parse("$MYSQL_URL", ENVIRONMENT)
    assert isinstance(place, DatabasePlace)
    assert place.connection(folder=".", with_password=True) == {"type": "mysql", "url": "${env:MYSQL_URL}"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing is named"),
        ("products", "neither a CSV file nor a database"),
        ("oracle://x/y", "no database that portl knows"),
        ("postgresql://db", "names no database"),
        (f"postgresql://me:{SECRET}@db:port/shop", "is not understood"),
        (f"postgresql://me:{SECRET}@[db/shop", "is not understood"),
        ("postgresql://db/shop?options=-c", "has the option 'options'"),
        ("$MISSING", "MISSING is not set"),
        ("$EMPTY", "EMPTY is not set"),
        ("$OTHER", "holds no address of a database"),
        ("sqlite:", "the path is empty"),
        ("a\0b.csv", "no zero bytes"),
    ],
)
def test_what_is_no_place_is_told_without_passwords(text: str, why: str) -> None:
    with pytest.raises(CommandLineError, match=why) as caught:
        parse(text, ENVIRONMENT)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        (".", "a.csv", "a.csv"),
        ("jobs", "a.csv", "../a.csv"),
        ("jobs", "jobs/a.csv", "a.csv"),
        ("jobs", "/x/a.csv", "/x/a.csv"),
    ],
)
def test_paths_are_relative_to_the_job(folder: str, path: str, expected: str) -> None:
    assert seen_from(folder, path) == expected


def test_dollars_of_a_name_are_no_references() -> None:
    place = parse("$${env:X}.db", {})
    assert isinstance(place, DatabasePlace)
    assert place.connection(folder=".", with_password=False)["path"] == "$$${env:X}.db"


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        place = parse(text, {})
    except CommandLineError:
        return
    assert place.name
