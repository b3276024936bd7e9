import storm


class Source(storm.Spout):
    def initialize(self, conf, context):
        self.next = 0
        self.again = []
        self.active = False

    def activate(self):
        self.active = True
        storm.log("active")

    def deactivate(self):
        self.active = False

    def nextTuple(self):
        assert self.active
        if self.again:
            n = self.again.pop(0)
        elif self.next < 3:
            n = self.next
            self.next += 1
        else:
            return
        storm.emit(["line %d" % n], id={"n": n})

    def ack(self, id):
        storm.log("acked %d" % id["n"])

    def fail(self, id):
        self.again.append(id["n"])


Source().run()
