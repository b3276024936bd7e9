"""Reads and writes nodes with kazoo: znodes.py HOST:PORT get PATH | set PATH TEXT | make PATH TEXT | copy PATH TO | hold PATH."""

import sys

from kazoo.client import KazooClient

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
client.stop()
