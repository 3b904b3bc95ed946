"""Where the history is kept: which URLs are understood, and what is never told of them."""

import pytest

from errors import HistoryError
from reports.database import parsed, where
from tests.test_rooms import loaded_with

SECRET = "ePhae7ohQu"


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("sqlite:////var/lib/enclume/history.sqlite", "/var/lib/enclume/history.sqlite"),
        ("postgresql+psycopg://enclume@db.lab.test/enclume", "postgresql+psycopg://enclume@db.lab.test/enclume"),
        (
            "postgresql+psycopg://enclume@db.lab.test/enclume?passfile=/etc/enclume/password",
            "postgresql+psycopg://enclume@db.lab.test/enclume",
        ),
    ],
)
def test_these_urls_are_understood(url: str, called: str) -> None:
    assert parsed(url).render_as_string(hide_password=False) == url
    assert where(url) == called


@pytest.mark.parametrize(
    "url",
    [
        "",
        "history.sqlite",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////var/lib/enclume/history.sqlite?mode=ro",
        "postgresql://enclume@db.lab.test/enclume",
        "mysql://enclume@db.lab.test/enclume",
        f"mysql://enclume:{SECRET}@db.lab.test/enclume",
    ],
)
def test_no_other_is(url: str) -> None:
    with pytest.raises(HistoryError, match="`database` is sqlite:////FOLDER/FILE or postgresql") as raised:
        parsed(url)
    assert raised.value.kind == "settings"
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://enclume:{SECRET}@db.lab.test/enclume",
        f"postgresql+psycopg://db.lab.test/enclume?user=enclume&password={SECRET}",
        f"postgresql+psycopg://enclume@db.lab.test/enclume?sslpassword={SECRET}",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(HistoryError, match="name that: \\?passfile=FILE") as raised:
        parsed(url)
    assert SECRET not in str(raised.value)
    assert SECRET not in where(url)


def test_reading_does_not_load_what_only_an_upgrade_needs() -> None:
    """alembic takes a tenth of a second to load, and some megabytes."""
    assert "alembic" not in loaded_with(["reports.reader", "reports.history", "reports.last", "reports.retention"])
