"""URLs of databases: divided, and told without what is secret."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.urls import hidden, secrets_of, shown, split_url, told_urls

SECRET = "s3cretWord"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"postgresql://me:{SECRET}@host/name", "postgresql://...@host/name"),
        (f"postgresql://me:{SECRET}@host:5432/name?sslmode=require", "postgresql://...@host:5432/name"),
        (f"postgresql://me:a@b/{SECRET}@host/name", "postgresql://...@host/name"),
        (f"postgresql://me:a?{SECRET}@host/name?sslmode=require", "postgresql://...@host/name"),
        (f"postgresql://me:a?b={SECRET}/host/name", "postgresql://me"),
        (f"postgresql://me:{SECRET}/name", "postgresql://me/name"),
        (f"postgresql://:{SECRET}@/name", "postgresql://...@/name"),
        (f"postgresql://host/name?user=me&password={SECRET}@host", "postgresql://host/name"),
        (f"postgresql://me:{SECRET}@[::1]:5432/name", "postgresql://...@[::1]:5432/name"),
        (f"postgresql://me:{SECRET}@one:1,two:2/name", "postgresql://...@one:1,two:2/name"),
        (f"mysql://me:{SECRET}@host", "mysql://...@host"),
        (f"duckdb:///shop.duckdb?token={SECRET}", "duckdb:///shop.duckdb"),
        ("sqlite:////a@b/shop.db", "sqlite:////a@b/shop.db"),
        ("no url", "no url"),
    ],
)
def test_a_url_is_told_without_user_password_and_options(url, expected):
    assert shown(url) == expected


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["", "/name", "/name?sslmode=require"]))
def test_no_password_is_shown_whatever_it_holds(before, after, rest):
    url = f"postgresql://me:{before}{SECRET}{after}@host{rest}"
    assert SECRET not in shown(url)
    assert SECRET not in told_urls(f"what is {url}, or {url!r}?", f"--store={url}")


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_characters="\ud800"), min_size=1, max_size=20))
def test_a_password_is_all_up_to_the_last_at_sign(password):
    if "?" not in password:
        assert split_url(f"postgresql://me:{password}@host/name?sslmode=require").password == password


def test_secrets_are_hidden_as_written_and_as_meant():
    url = f"postgresql://me:{SECRET}%21@host/name?sslpassword=other-one&sslmode=require"
    assert secrets_of(url) == [f"{SECRET}%21", f"{SECRET}!", "other-one"]
    assert hidden(f"{SECRET}! {SECRET}%21 other-one require", url) == "... ... ... require"
    assert hidden("from the environment", secrets=("environment", "")) == "from the ..."


def test_a_short_password_leaves_other_words_alone():
    assert hidden("no table: an apple, pw, a", "postgresql://me:a@host/x") == "no table: an apple, pw, ..."
