"""Servers that ask: the configuration that gives every hook an address of its own at a test's origin."""

from .configuration import NAMESPACES, OPEN
from .origin import Origin

QUESTIONS = ("connect", "refresh", "message", "rpc", "subscribe", "publish", "sub_refresh")


def asking(origin: Origin, *names: str, options: dict | None = None, **changes) -> dict:
    """Changes that switch on the named hooks, all without names. Channels of the hooks are `asked:…`, calls `app:…`.

    `options` are those of every origin.
    """
    names = names or QUESTIONS
    hooks = {name: name for name in names if name in ("connect", "refresh", "message")}
    if "rpc" in names:
        hooks["rpc"] = [{"prefix": "app:", "origin": "rpc"}]
    proxies = {f"{name}_proxy_name": name for name in names if name in ("subscribe", "publish", "sub_refresh")}
    # The permissions stay those of an open channel, so that whatever is refused was refused by the origin.
    namespaces = [{"name": name, **each} for name, each in NAMESPACES.items()] + [{"name": "asked", **OPEN, **proxies}]
    entries = [origin.settings(name, **({"timeout": "5s"} | (options or {}))) for name in names]
    return {"origins": entries, "hooks": hooks, "channel": {"namespaces": namespaces}} | changes


def in_turn(*answers):
    """Gives one answer after the other; the last one again and again."""
    left = list(answers)

    def answer(request):
        return left.pop(0) if len(left) > 1 else left[0]

    return answer
