"""A spout of numbered lines, one a moment, again and again."""

import time

import storm


class Lines(storm.Spout):
    def initialize(self, conf, context):
        self.count = 0

    def nextTuple(self):
        self.count += 1
        storm.emit(["line %d of the spout" % self.count], id=self.count)
        time.sleep(0.01)


Lines().run()
