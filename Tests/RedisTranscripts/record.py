#!/usr/bin/env python3
"""Records what a real redis-server sends: record.py writes NAME.txt for each transcript, beside itself.

A line begins with `#` (a note), `>` (bytes sent), `<` (bytes of one value received) or `=` (that value, decoded).
The ports begin at PHAROS_REDIS_PORT (21790).
"""

import shutil
import tempfile
import threading
import time

from harness import Server

NESTED = "return {1, 'two', {3, {'four', {}}}, false, redis.status_reply('FINE')}"
MAPS = """redis.setresp(3)
return {map={name='pharos', list={1, 2}}, set={set={a=true}}, double={double=3.25}, yes=true, no=false}"""
MAP = "redis.setresp(3) return {map={list={1, {map={deep={double=0.5}}}}}}"
SET = "redis.setresp(3) return {set={a=true}}"
BIG = "redis.setresp(3) return {big_number='-1234567890123456789012345678901234567890'}"
VERBATIM = "redis.setresp(3) return {verbatim_string={string='# line\\r\\n', format='mkd'}}"
DEBUG_TYPES = "string integer double null array set map attrib push verbatim true false bignum".split()


def handshakes():
    with Server() as server:
        with server.connect("handshake-resp3", "HELLO 3 with a name, then SELECT") as c:
            c.call("HELLO", "3", "SETNAME", "pharos")
            c.call("SELECT", 2)
        with server.connect("hello-2-and-4", "RESP2 by HELLO, and a version that does not exist") as c:
            c.call("HELLO", "2")
            c.call("HELLO", "4")
            c.call("HELLO", "3", "NONSENSE")
        with server.connect("auth-without-password", "AUTH where the server has no password") as c:
            c.call("AUTH", "secret")
            c.call("HELLO", "3", "AUTH", "nobody", "secret")
    with Server("--requirepass", "secret") as server:
        with server.connect("auth-resp3", "AUTH within HELLO, right") as c:
            c.call("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "pharos")
        with server.connect("auth-resp3-wrong", "AUTH within HELLO, wrong") as c:
            c.call("HELLO", "3", "AUTH", "default", "guess", "SETNAME", "pharos")
        with server.connect("auth-missing", "HELLO and PING without the password that the server asks for") as c:
            c.call("HELLO", "3", "SETNAME", "pharos")
            c.call("PING")
    with Server("--requirepass", "secret", "--rename-command", "HELLO", "") as server:
        with server.connect("handshake-resp2", "a server without HELLO: AUTH, CLIENT SETNAME, SELECT") as c:
            c.call("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "pharos")
            c.call("AUTH", "secret")
            c.call("CLIENT", "SETNAME", "pharos")
            c.call("SELECT", 2)
        with server.connect("auth-resp2-wrong", "a server without HELLO, and a wrong password") as c:
            c.call("HELLO", "3", "AUTH", "default", "guess", "SETNAME", "pharos")
            c.call("AUTH", "guess")


def pubsub():
    with Server() as server:
        for version in 2, 3:
            with server.connect(f"pubsub-resp{version}", "all three kinds") as c, server.connect() as other:
                c.call("HELLO", str(version))
                c.call("SUBSCRIBE", "news", "weather", replies=2)
                c.call("PSUBSCRIBE", "n*")
                c.call("SSUBSCRIBE", "{0}shard")
                other.call("PUBLISH", "news", b"\x00binary\r\n\xff")
                c.read(2)
                other.call("PUBLISH", "weather", "")
                c.read()
                other.call("SPUBLISH", "{0}shard", "sharded")
                c.read()
                c.call("PING")
                c.call("GET", "key")
                c.call("UNSUBSCRIBE", "news", "weather", replies=2)
                c.call("PUNSUBSCRIBE", "n*")
                c.call("SUNSUBSCRIBE", "{0}shard")
                c.call("UNSUBSCRIBE", "never")
                c.call("GET", "key")
        with server.connect("tracking", "invalidation, a push that is no subscription") as c, server.connect() as other:
            c.call("HELLO", "3")
            c.call("CLIENT", "TRACKING", "ON")
            c.call("GET", "tracked")
            other.call("SET", "tracked", "1")
            c.read()
            c.call("PING")


def commands():
    with Server() as server:
        for version in 2, 3:
            with server.connect(f"scripts-resp{version}", "NOSCRIPT, nested replies, errors of scripts") as c:
                c.call("HELLO", str(version))
                c.call("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", 1, "key")
                for script in NESTED, MAPS, MAP, SET, BIG, VERBATIM:
                    c.call("EVAL", script, 0)
                c.call("EVAL", "redis.call('SET', KEYS[1], 'x') return redis.call('LPUSH', KEYS[1], 'y')", 1, "key")
                c.call("EVAL", "return nonsense()", 0)
            with server.connect(f"streams-resp{version}", "XADD, XRANGE, XREAD, XINFO") as c:
                c.call("HELLO", str(version))
                for i in 1, 2, 3:
                    c.call("XADD", f"stream{version}", f"0-{i}", "data", b"\x01\r\n%d" % i, "empty", "")
                c.call("XRANGE", f"stream{version}", "-", "+")
                c.call("XRANGE", "missing", "-", "+")
                c.call("XREAD", "COUNT", 2, "STREAMS", f"stream{version}", "0")
                c.call("XADD", f"stream{version}", "0-1", "data", "late")
                c.call("XGROUP", "CREATE", f"stream{version}", "group", "0")
                c.call("XINFO", "STREAM", f"stream{version}", "FULL")
            with server.connect(f"replies-resp{version}", "replies of many kinds") as c:
                c.call("HELLO", str(version))
                c.call("INFO", "replication")
                c.call("ROLE")
                c.call("CONFIG", "GET", "max*")
                c.call("ZADD", f"zset{version}", "1.5", "a", "inf", "b", "-inf", "c")
                c.call("ZRANGE", f"zset{version}", 0, -1, "WITHSCORES")
                c.call("ZSCORE", f"zset{version}", "a")
                c.call("MGET", "none", "none")
                c.call("COMMAND", "INFO", "XADD", "nonsense")
                c.call("LPUSH", f"zset{version}", "x")
                c.call("BLPOP", "none", "0.01")
                c.call("MULTI")
                c.call("INCR", "counter")
                c.call("LPUSH", f"zset{version}", "x")
                c.call("EXEC")
                c.call("SET", b"\r\n$3\r\n", b"\x00\xff\r\n")
                c.call("GET", b"\r\n$3\r\n")
                for kind in DEBUG_TYPES:
                    c.call("DEBUG", "PROTOCOL", kind, replies=2 if kind == "push" and version == 3 else 1)


def temporary_errors():
    with Server() as server:
        with server.connect("out-of-memory", "OOM, by a command and within a script") as c:
            c.call("CONFIG", "SET", "maxmemory", "1")
            c.call("SET", "key", "value")
            c.call("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, "key")
            c.call("CONFIG", "SET", "maxmemory", "0")
        with server.connect("no-replicas", "NOREPLICAS") as c:
            c.call("CONFIG", "SET", "min-replicas-to-write", "1")
            c.call("SET", "key", "value")
            c.call("CONFIG", "SET", "min-replicas-to-write", "0")
        with Server("--replicaof", "127.0.0.1", str(server.port)) as replica:
            with replica.connect("readonly", "writes to a replica") as c:
                c.wait_for("master_link_status:up", "INFO", "replication")
                c.call("SET", "key", "value")
                c.call("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, "key")
                c.call("INFO", "replication")
        with Server("--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no") as replica:
            with replica.connect("master-down", "MASTERDOWN") as c:
                c.call("GET", "key")
        with server.connect("busy", "BUSY, while a script runs") as c, server.connect() as other:
            c.call("CONFIG", "SET", "busy-reply-threshold", "1")
            runner = threading.Thread(target=other.call, args=("EVAL", "while true do end", 0))
            runner.start()
            c.wait_for("BUSY", "GET", "key")
            c.call("GET", "key")
            c.call("SCRIPT", "KILL")
            runner.join()
    folder = tempfile.mkdtemp()
    with Server(folder=folder) as server, server.connect() as c:
        for i in range(100):
            c.call("SET", f"key{i}", "x" * 1000)
        c.call("SAVE")
    options = ["--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no"]
    with Server(*options, folder=folder) as server, server.connect("loading", "LOADING, after a restart") as c:
        c.call("HELLO", "3")
        c.call("GET", "key1")
    shutil.rmtree(folder)


def cluster():
    def node():
        return Server("--cluster-enabled", "yes", "--cluster-port", str(Server.next_port + 5000))

    with node() as first, node() as second, first.connect() as a, second.connect() as b:
        with first.connect("cluster-down", "CLUSTERDOWN, and slots of keys") as c:
            c.call("GET", "key")
            c.call("SELECT", 1)
            keys = [b"123456789", b"", b"foo", b"{user1000}.following", b"{user1000}.followers", b"foo{}{bar}"]
            keys += [b"foo{{bar}}zap", b"foo{bar}{zap}", b"{}", b"{", b"}{", b"a{b", b"a}b{c}", b"\x00\xff\r\n{\xfe}"]
            for key in keys + [b"key%d" % (i * i) for i in range(40)]:
                c.call("CLUSTER", "KEYSLOT", key)
        a.call("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        b.call("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        a.call("CLUSTER", "MEET", "127.0.0.1", second.port, second.port + 5000)
        for each in a, b:
            each.wait_for("cluster_state:ok", "CLUSTER", "INFO")
        time.sleep(0.5)
        target = b.call("CLUSTER", "MYID").strip('"')
        with first.connect("cluster", "MOVED, ASK, CROSSSLOT, TRYAGAIN, and sharded subscriptions") as c:
            c.call("HELLO", "3")
            c.call("GET", "foo")  # slot 12182
            c.call("SSUBSCRIBE", "foo")
            c.call("SSUBSCRIBE", "bar", "hello")
            c.call("MGET", "bar", "hello")
            c.call("SSUBSCRIBE", "bar")  # slot 5061
            c.call("CLUSTER", "SLOTS")
            c.call("CLUSTER", "SHARDS")
            c.call("SET", "{bar}1", "x")
            c.call("CLUSTER", "SETSLOT", 5061, "MIGRATING", target)
            c.call("GET", "bar")
            c.call("MGET", "{bar}1", "{bar}2")
            c.call("DEL", "{bar}1")
            b.call("CLUSTER", "SETSLOT", 5061, "NODE", target)
            c.call("CLUSTER", "SETSLOT", 5061, "NODE", target, replies=2)


if __name__ == "__main__":
    for part in handshakes, pubsub, commands, temporary_errors, cluster:
        part()
