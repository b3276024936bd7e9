"""Writes down every numbered word before it is acknowledged, in a file of its own task."""

import os

import storm


class Record(storm.BasicBolt):
    def initialize(self, conf, context):
        self.file = open(os.path.join(conf["test.dir"], "seen-%d" % context["taskid"]), "a")

    def process(self, tup):
        self.file.write("%d %s\n" % tuple(tup.values))
        self.file.flush()


Record().run()
