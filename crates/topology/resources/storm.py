"""Spouts and bolts in Python for Storm: the multilang protocol over standard input and output.

    import storm

    class Split(storm.BasicBolt):
        def process(self, tup):
            for word in tup.values[0].split():
                storm.emit([word])

    Split().run()

The names are those of Apache Storm's module of the same name, so a component runs with either. Standard output belongs to the
protocol: use log() instead of print(). What is printed by accident goes to standard error.
"""

import json
import os
import sys
import traceback
from collections import deque

_input = sys.stdin.buffer if hasattr(sys.stdin, "buffer") else sys.stdin
_output = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

_tuples = deque()
_task_ids = deque()
_mode = None
_anchor = None


class Tuple(object):
    def __init__(self, id, component, stream, task, values):
        self.id = id
        self.component = component
        self.stream = stream
        self.task = task
        self.values = values

    def __repr__(self):
        return "<Tuple id=%r component=%r stream=%r task=%r values=%r>" % (
            self.id, self.component, self.stream, self.task, self.values)

    def is_heartbeat_tuple(self):
        return self.task == -1 and self.stream == "__heartbeat"

    def is_tick_tuple(self):
        return self.component == "__system" and self.stream == "__tick"


def readMsg():
    lines = []
    while True:
        line = _input.readline()
        if not line:
            raise EOFError("the worker has closed the pipe")
        if line.rstrip(b"\r\n") == b"end":
            return json.loads(b"".join(lines).decode("utf-8"))
        lines.append(line)


def readTaskIds():
    if _task_ids:
        return _task_ids.popleft()
    while True:
        msg = readMsg()
        if isinstance(msg, list):
            return msg
        _tuples.append(msg)


def readCommand():
    if _tuples:
        return _tuples.popleft()
    while True:
        msg = readMsg()
        if not isinstance(msg, list):
            return msg
        _task_ids.append(msg)


def readTuple():
    cmd = readCommand()
    return Tuple(cmd["id"], cmd["comp"], cmd["stream"], cmd["task"], cmd["tuple"])


def sendMsgToParent(msg):
    _output.write(json.dumps(msg).encode("ascii") + b"\nend\n")
    _output.flush()


def sync():
    sendMsgToParent({"command": "sync"})


def sendpid(heartbeatdir):
    pid = os.getpid()
    open(os.path.join(heartbeatdir, str(pid)), "w").close()
    sendMsgToParent({"pid": pid})


def emit(tup, stream=None, anchors=None, id=None, need_task_ids=True):
    """Emits, and returns the ids of the tasks it went to (None with need_task_ids=False, which is faster)."""
    _emit(tup, stream, anchors, id, None, need_task_ids)
    return readTaskIds() if need_task_ids else None


def emitDirect(task, tup, stream=None, anchors=None, id=None):
    _emit(tup, stream, anchors, id, task, False)


def _emit(tup, stream, anchors, id, task, need_task_ids):
    msg = {"command": "emit", "tuple": list(tup)}
    if stream is not None:
        msg["stream"] = stream
    if _mode is Spout:
        if id is not None:
            msg["id"] = id
    else:
        tied = [_anchor] if _anchor is not None else (anchors or [])
        msg["anchors"] = [t.id for t in tied]
    if task is not None:
        msg["task"] = task
    if not need_task_ids:
        msg["need_task_ids"] = False
    sendMsgToParent(msg)


def ack(tup):
    sendMsgToParent({"command": "ack", "id": tup.id})


def fail(tup):
    sendMsgToParent({"command": "fail", "id": tup.id})


def reportError(msg):
    sendMsgToParent({"command": "error", "msg": msg})


def log(msg, level=2):
    sendMsgToParent({"command": "log", "msg": msg, "level": level})


def logTrace(msg):
    log(msg, 0)


def logDebug(msg):
    log(msg, 1)


def logInfo(msg):
    log(msg, 2)


def logWarn(msg):
    log(msg, 3)


def logError(msg):
    log(msg, 4)


def rpcMetrics(name, params):
    sendMsgToParent({"command": "metrics", "name": name, "params": params})


def initComponent():
    setup = readMsg()
    sendpid(setup["pidDir"])
    return [setup["conf"], setup["context"]]


def _run(component, mode, serve):
    global _mode
    _mode = mode
    conf, context = initComponent()
    try:
        component.initialize(conf, context)
        while True:
            serve()
    except EOFError:
        pass
    except Exception:
        reportError(traceback.format_exc())
        sys.exit(1)


class Bolt(object):
    """Acks and fails by itself; emits are anchored only to what is given as anchors."""

    def initialize(self, stormconf, context):
        pass

    def process(self, tuple):
        pass

    def run(self):
        def serve():
            tup = readTuple()
            if tup.is_heartbeat_tuple():
                sync()
            else:
                self.process(tup)

        _run(self, Bolt, serve)


class BasicBolt(object):
    """Emits are anchored to the tuple in hand, which is acked after process() and failed if that raises."""

    def initialize(self, stormconf, context):
        pass

    def process(self, tuple):
        pass

    def run(self):
        def serve():
            global _anchor
            tup = readTuple()
            if tup.is_heartbeat_tuple():
                sync()
                return
            _anchor = tup
            try:
                self.process(tup)
            except EOFError:
                raise
            except Exception:
                reportError(traceback.format_exc())
                fail(tup)
            else:
                ack(tup)
            finally:
                _anchor = None

        _run(self, Bolt, serve)


class Spout(object):
    def initialize(self, conf, context):
        pass

    def activate(self):
        pass

    def deactivate(self):
        pass

    def ack(self, id):
        pass

    def fail(self, id):
        pass

    def nextTuple(self):
        pass

    def run(self):
        def serve():
            msg = readCommand()
            command = msg["command"]
            if command == "next":
                self.nextTuple()
            elif command == "ack":
                self.ack(msg["id"])
            elif command == "fail":
                self.fail(msg["id"])
            elif command == "activate":
                self.activate()
            elif command == "deactivate":
                self.deactivate()
            sync()

        _run(self, Spout, serve)
