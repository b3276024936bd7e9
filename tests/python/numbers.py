"""A reliable spout of numbered lines that survives its own death: what was acknowledged is in a file, the rest is
emitted again. It goes on until the file `stop` appears, and writes `done` when all is acknowledged.
"""

import collections
import os
import time

import storm


class Numbers(storm.Spout):
    def initialize(self, conf, context):
        self.dir = conf["test.dir"]
        self.acked = set()
        path = os.path.join(self.dir, "acked")
        if os.path.exists(path):
            with open(path) as file:
                # A kill may have cut off the last line.
                self.acked = {int(line) for line in file.read().split("\n")[:-1]}
        with open(path + ".part", "w") as file:
            file.writelines("%d\n" % number for number in sorted(self.acked))
        os.rename(path + ".part", path)
        self.log = open(path, "a")
        self.last = max(self.acked, default=0)
        self.again = collections.deque(n for n in range(1, self.last) if n not in self.acked)

    def nextTuple(self):
        if self.again:
            self.send(self.again.popleft())
        elif not os.path.exists(os.path.join(self.dir, "stop")):
            self.last += 1
            self.send(self.last)
        elif len(self.acked) == self.last:
            with open(os.path.join(self.dir, "done.part"), "w") as file:
                file.write("%d" % self.last)
            os.rename(os.path.join(self.dir, "done.part"), os.path.join(self.dir, "done"))
        time.sleep(0.002)

    def send(self, number):
        storm.emit([number, "line %d of the spout" % number], id=number)

    def ack(self, id):
        if int(id) not in self.acked:
            self.acked.add(int(id))
            self.log.write("%d\n" % int(id))
            self.log.flush()

    def fail(self, id):
        self.again.append(int(id))


Numbers().run()
