"""kazoo against a ZooKeeper server: `zookeeper_kazoo.py HOST:PORT`. Prints "the end" when all is well."""

import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NoAuthError, NoNodeError, NodeExistsError, NotEmptyError, RolledBackError
from kazoo.protocol.connection import _CONNECTION_DROP
from kazoo.security import make_digest_acl

LIMIT = 30


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    print(what, flush=True)


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"{call} {args} was not refused with {error}")


def connect(hosts, **more):
    client = KazooClient(hosts=hosts, timeout=10, **more)
    client.start(timeout=LIMIT)
    return client


def nodes(client):
    assert client.create("/k/a/b", b"data", makepath=True) == "/k/a/b"
    data, stat = client.get("/k/a/b")
    assert (data, stat.version, stat.data_length) == (b"data", 0, 4)
    assert client.set("/k/a/b", b"more", version=0).version == 1
    refused(BadVersionError, client.set, "/k/a/b", b"x", version=0)
    refused(NodeExistsError, client.create, "/k/a/b")
    refused(NotEmptyError, client.delete, "/k/a")
    refused(NoNodeError, client.get, "/none")
    assert client.exists("/none") is None
    path, stat = client.create("/k/s-", b"", sequence=True, ephemeral=True, include_data=True)
    assert path == "/k/s-0000000001" and stat.ephemeralOwner == client.client_id[0]
    assert sorted(client.get_children("/k")) == ["a", "s-0000000001"]
    assert client.server_version()[:2] == (3, 9)
    assert client.command(b"ruok") == "imok"
    assert client.sync("/k") == "/k"
    print("nodes", flush=True)


def transactions(client):
    good = client.transaction()
    good.create("/k/t", b"1")
    good.check("/k/t", 0)
    good.set_data("/k/t", b"2", 0)
    results = good.commit()
    assert results[0] == "/k/t" and results[1] is True and results[2].version == 1, results
    bad = client.transaction()
    bad.create("/k/u")
    bad.delete("/k/none")
    bad.create("/k/v")
    results = bad.commit()
    assert isinstance(results[0], RolledBackError) and isinstance(results[1], NoNodeError), results
    assert client.exists("/k/u") is None
    print("transactions", flush=True)


def access(hosts):
    owner = connect(hosts, auth_data=[("digest", "user:password")])
    stranger = connect(hosts)
    owner.create("/k/private", b"secret", acl=[make_digest_acl("user", "password", all=True)])
    assert owner.get("/k/private")[0] == b"secret"
    refused(NoAuthError, stranger.get, "/k/private")
    stranger.add_auth("digest", "user:password")
    assert stranger.get("/k/private")[0] == b"secret"
    owner.delete("/k/private")
    owner.stop()
    stranger.stop()
    print("access", flush=True)


def watches(one, two):
    data, children = [], []
    one.create("/k/w", b"0")
    one.DataWatch("/k/w", lambda value, stat: data.append(value))
    one.ChildrenWatch("/k/w", lambda names: children.append(sorted(names)))
    two.set("/k/w", b"1")
    wait_until(lambda: data[-1] == b"1", "a change is told")
    two.create("/k/w/c")
    wait_until(lambda: children[-1] == ["c"], "a child is told")
    two.delete("/k/w/c")
    wait_until(lambda: children[-1] == [], "its end is told")


def locks(clients):
    counter, order = [0], []

    def work(client, name):
        for _ in range(10):
            with client.Lock("/k/lock", name):
                before = counter[0]
                time.sleep(0.001)
                counter[0] = before + 1
        election = client.Election("/k/election", name)
        election.run(lambda: order.append(name))

    threads = [threading.Thread(target=work, args=(client, str(n))) for n, client in enumerate(clients * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert counter[0] == 10 * len(threads), counter
    assert len(order) == len(threads), order
    print("locks and elections", flush=True)


def reconnect(one, two):
    session = one.client_id
    states, seen = [], []
    one.add_listener(states.append)
    one.create("/k/mine", b"", ephemeral=True)
    one.DataWatch("/k/missed", lambda value, stat: seen.append(value))
    one._call(_CONNECTION_DROP, one.handler.async_result())
    wait_until(lambda: KazooState.SUSPENDED in states, "the connection is lost")
    two.create("/k/missed", b"while away")
    wait_until(lambda: states[-1] == KazooState.CONNECTED, "the connection is back")
    assert one.client_id == session
    assert one.exists("/k/mine").ephemeralOwner == session[0]
    wait_until(lambda: seen[-1] == b"while away", "what was missed is told")
    one.stop()
    wait_until(lambda: two.exists("/k/mine") is None, "the end of a session takes its nodes")


def main():
    hosts = sys.argv[1]
    one, two = connect(hosts), connect(hosts)
    nodes(one)
    transactions(one)
    access(hosts)
    watches(one, two)
    locks([one, two])
    reconnect(one, two)
    two.delete("/k", recursive=True)
    assert two.exists("/k") is None
    two.stop()
    print("the end", flush=True)


main()
