"""JSON Web Tokens. Every one that is made is remembered: none may ever stand in a server's log."""

import time

import jwt

from .configuration import API_KEY, HMAC_KEY, ORIGIN_SECRET, PUBLISH_ONLY_KEY

_made: set[str] = set()


def secrets() -> list[str]:
    return [*_made, HMAC_KEY, API_KEY, PUBLISH_ONLY_KEY, ORIGIN_SECRET]


def signed(claims: dict, key=HMAC_KEY, algorithm: str = "HS256", headers: dict | None = None) -> str:
    token = jwt.encode(claims, key, algorithm=algorithm, headers=headers)
    _made.add(token)
    return token


def connection(user: str = "42", *, expires_in: float | None = None, **claims) -> str:
    """A connection token; `expires_in` seconds, negative: it is over already."""
    if expires_in is not None:
        claims["exp"] = int(time.time() + expires_in)
    return signed({"sub": user} | claims)


def subscription(channel: str, user: str = "42", *, expires_in: float | None = None, **claims) -> str:
    return connection(user, expires_in=expires_in, channel=channel, **claims)
