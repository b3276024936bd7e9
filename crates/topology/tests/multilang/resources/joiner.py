import storm


class Joiner(storm.Bolt):
    """Holds two tuples, then emits both as one, anchored to both; the second kind of tuple is failed."""

    def initialize(self, conf, context):
        self.held = []

    def process(self, tup):
        if tup.stream == "bad":
            storm.fail(tup)
            return
        self.held.append(tup)
        if len(self.held) == 2:
            a, b = self.held
            storm.emit([a.values[0] + b.values[0]], anchors=[a, b])
            storm.emitDirect(7, [a.values[0]], stream="direct", anchors=[a])
            storm.ack(a)
            storm.ack(b)
            self.held = []


Joiner().run()
