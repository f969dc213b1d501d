"""Configurations: the base that most stories run against, and how a story changes it."""

import copy

HMAC_KEY = "the key of the integration tests, as long as the longest of the digests wants it"
API_KEY = "integration-api-key"
PUBLISH_ONLY_KEY = "integration-publish-key"
ORIGIN_SECRET = "the secret of the origin in the integration tests"

# Everything a client can be allowed, without a token and without a user id.
OPEN = {
    "presence": True,
    "join_leave": True,
    "force_push_join_leave": True,
    "history_size": 100,
    "history_ttl": "300s",
    "force_recovery": True,
    **{
        f"allow_{what}_for_{whom}": True
        for what in ("subscribe", "publish", "presence", "history")
        for whom in ("client", "anonymous")
    },
}
# Subscribing and publishing, no history, no joins and leaves.
PLAIN = {
    "allow_subscribe_for_client": True,
    "allow_subscribe_for_anonymous": True,
    "allow_publish_for_client": True,
    "allow_publish_for_anonymous": True,
}

NAMESPACES = {
    "open": OPEN,
    "plain": PLAIN,
    # Positioning, recovery, joins and leaves only for those who ask.
    "asks": PLAIN
    | {
        "presence": True,
        "join_leave": True,
        "allow_presence_for_client": True,
        "allow_presence_for_anonymous": True,
        "history_size": 100,
        "history_ttl": "300s",
        "allow_recovery": True,
        "allow_positioning": True,
    },
    "locked": {"presence": True, "history_size": 10, "history_ttl": "60s"},
    "listed": {"allow_user_limited_channels": True},
    "named": {"allow_subscribe_for_client": True, "allow_publish_for_client": True},
    "members": {
        "allow_subscribe_for_client": True,
        "allow_subscribe_for_anonymous": True,
        "allow_publish_for_subscriber": True,
        "allow_presence_for_subscriber": True,
        "allow_history_for_subscriber": True,
        "allow_publish_for_anonymous": True,
        "allow_presence_for_anonymous": True,
        "allow_history_for_anonymous": True,
        "presence": True,
        "history_size": 10,
        "history_ttl": "60s",
    },
    "small": OPEN | {"history_size": 5},
    "large": OPEN | {"history_size": 1000},
    "cache": OPEN | {"force_recovery_mode": "cache", "auto_cache_recover": True},
    "lower": PLAIN | {"channel_regex": "[a-z]+"},
    "object": PLAIN | {"publication_data_format": "json_object"},
    "nodelta": OPEN,
}

BASE = {
    "http_server": {"address": "127.0.0.1"},
    "http_api": {"key": API_KEY, "keys": [{"key": PUBLISH_ONLY_KEY, "methods": ["publish", "broadcast"]}]},
    "client": {
        "token": {"hmac_secret_key": HMAC_KEY},
        "allow_anonymous_connect_without_token": True,
        "allowed_origins": ["https://*.example.com"],
    },
    "channel": {
        "without_namespace": PLAIN,
        "namespaces": [{"name": name, **options} for name, options in NAMESPACES.items()],
    },
    "edge": {"shards": 2},
    "shutdown": {"timeout": "5s", "window": "100ms"},
    # Everything is logged, so that what must never be logged would be seen.
    "log": {"level": "trace"},
    "health": {"enabled": True},
    "prometheus": {"enabled": True},
    "openapi": {"enabled": True},
}


def merged(base: dict, changes: dict) -> dict:
    """`base` with `changes` over it, section by section."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result
