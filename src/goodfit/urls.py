"""URLs of databases: their parts, and how they may be told, without user, password and options."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://")
SECRET = re.compile("pass|secret|token|key", re.IGNORECASE)
_OPTIONS = re.compile(r"\?(?=[A-Za-z_]+=)")
_CREDENTIALS = re.compile(r"(?<=://)[^\s'\"/@]*:[^\s'\"]*@")
SHORT = 6
"""Secrets of fewer letters are hidden where they stand as a word, lest parts of other words vanish."""


def is_url(text: str) -> bool:
    """Whether it begins as URLs do."""
    return SCHEME.match(text) is not None


@dataclass(frozen=True)
class Address:
    """A URL's parts, as they are written; only options are decoded.

    Args:
        scheme: without a driver, such as postgresql.
        user: "" for none.
        password: "" for none.
        place: hosts and ports, between commas.
        name: of the database, or its file.
        options: what stands behind the question mark.
    """

    scheme: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    place: str
    name: str
    options: dict[str, str] = field(repr=False)


def split_url(url: str) -> Address:
    """Divide a URL; a password may hold any sign, as long as an at sign ends it.

    Example:
        >>> address = split_url("postgresql+pg8000://me:s/e@cret@host:5432/shop?sslmode=require")
        >>> address
        Address(scheme='postgresql', place='host:5432', name='shop')
        >>> address.password, address.options
        ('s/e@cret', {'sslmode': 'require'})
    """
    scheme, _, rest = url.partition("://")
    mark = _OPTIONS.search(rest)
    main, told = (rest[: mark.start()], rest[mark.end() :]) if mark else (rest, "")
    account, _, place = main.rpartition("@") if not main.startswith("/") else ("", "", main)
    hosts, _, name = place.partition("/")
    user, _, password = account.partition(":")
    pairs = (each.partition("=") for each in told.split("&") if each)
    return Address(
        scheme.partition("+")[0].lower(), user, password, hosts, name, {key: unquote(v) for key, _, v in pairs}
    )


def shown(url: str) -> str:
    """The URL as it may be told.

    Example:
        >>> shown("postgresql://me:secret@host/name?sslmode=require"), shown("sqlite:///trials.db")
        ('postgresql://...@host/name', 'sqlite:///trials.db')
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        return url
    address = split_url(url)
    hosts = [re.match(r"(\[[^\]]*\]|[^:@?\[]*)(:\d+$)?", place) for place in address.place.split(",")]
    place = ",".join(host[0] for host in hosts if host)
    account = "...@" if address.user or address.password else ""
    slash = "/" if address.name or not place else ""
    return f"{scheme}://{account}{place}{slash}{address.name.partition('?')[0]}"


def secrets_of(url: str) -> list[str]:
    """What must not be told of a URL: the password as it is written and as it is meant, also among the options.

    Example:
        >>> secrets_of("postgresql://me:s%40cret@host/name?sslpassword=more")
        ['s%40cret', 's@cret', 'more']
    """
    if "://" not in url:
        return []
    address = split_url(url)
    found = [address.password, *(value for key, value in address.options.items() if SECRET.search(key))]
    return list(dict.fromkeys(each for secret in found for each in (secret, unquote(secret)) if each))


def hidden(text: str, *urls: str, secrets: tuple[str, ...] = ()) -> str:
    """A text without what is secret of some URLs.

    Args:
        text: such as what a driver says.
        urls: told as `shown` does where they stand in it whole.
        secrets: what else to hide.

    Example:
        >>> hidden("no way to postgresql://me:pw@host/shop with pw", "postgresql://me:pw@host/shop")
        'no way to postgresql://...@host/shop with ...'
    """
    text = told_urls(text, *urls)
    for secret in sorted({*secrets, *(each for url in urls for each in secrets_of(url))}, key=len, reverse=True):
        if secret:
            edge = r"\b" if len(secret) < SHORT and secret.isalnum() else ""
            text = re.sub(edge + re.escape(secret) + edge, "...", text)
    return text


def told_urls(text: str, *arguments: str) -> str:
    """A text without the credentials of the URLs that stand in it, or in a command's arguments that it quotes.

    Example:
        >>> told_urls("unexpected: --store=postgresql://me:a b'c@host/x", "--store=postgresql://me:a b'c@host/x")
        'unexpected: --store=postgresql://...@host/x'
    """
    for argument in arguments:
        if mark := SCHEME.search(argument):
            url = argument[mark.start() :]
            told = shown(url)
            for written in (url, repr(url)[1:-1]) if "...@" in told or secrets_of(url) else ():
                text = text.replace(written, told)
    return _CREDENTIALS.sub("...@", text)
