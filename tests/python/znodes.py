"""Reads and writes nodes with kazoo: znodes.py HOST:PORT VERB PATH [TEXT].

get, set, make, copy (TEXT is where to); hold makes an ephemeral node, guard one that only ann may change; dump prints all that are not ephemeral.
"""

import json
import sys

from kazoo.client import KazooClient
from kazoo.security import make_acl, make_digest_acl


def dump(path):
    data, stat = client.get(path)
    if stat.ephemeralOwner == 0:
        acl = sorted([a.id.scheme, a.id.id, a.perms] for a in client.get_acls(path)[0])
        print(json.dumps({"path": path, "data": data.hex(), "acl": acl}))
    for name in sorted(client.get_children(path)):
        dump(path + "/" + name)


client = KazooClient(hosts=sys.argv[1], timeout=10)
client.start(timeout=30)
verb, path = sys.argv[2:4]
if verb == "get":
    data, stat = client.get(path)
    print(stat.version, data.decode())
elif verb == "set":
    client.set(path, sys.argv[4].encode())
elif verb == "make":
    client.create(path, sys.argv[4].encode(), makepath=True)
elif verb == "copy":
    client.create(sys.argv[4], client.get(path)[0])
elif verb == "hold":
    client.create(path, b"mine", ephemeral=True, makepath=True)
    print("held", flush=True)
    sys.stdin.read()
elif verb == "guard":
    acl = [make_acl("world", "anyone", read=True), make_digest_acl("ann", "hush", all=True)]
    client.ensure_path(path.rpartition("/")[0])
    client.create(path, sys.argv[4].encode(), acl=acl)
elif verb == "dump":
    dump(path)
client.stop()
