# Says a megabyte before it reads a word, as cases of real users do: with both pipes full nobody may wait for the other.
import json
import os
import sys

setup = b""
while not setup.endswith(b"\nend\n"):
    setup += sys.stdin.buffer.readline()
pid = os.getpid()
setup = json.loads(setup[:-5])
open(setup["pidDir"] + "/" + str(pid), "w").close()


def say(msg):
    sys.stdout.write(json.dumps(msg) + "\nend\n")


say({"pid": pid})
for i in range(5000):
    say({"command": "emit", "tuple": ["x" * 200 + str(i)]})
sys.stdout.flush()
while True:
    text = b""
    while not text.endswith(b"\nend\n"):
        line = sys.stdin.buffer.readline()
        if not line:
            sys.exit(0)
        text += line
    msg = json.loads(text[:-5])
    if isinstance(msg, list):
        continue
    if msg["stream"] == "__heartbeat":
        say({"command": "sync"})
    else:
        say({"command": "ack", "id": msg["id"]})
    sys.stdout.flush()
