"""Counts tuples, and writes down each whole line, before they are acknowledged."""

import os

import storm


class Tally(storm.BasicBolt):
    def initialize(self, conf, context):
        self.file = open(os.path.join(conf["test.dir"], "seen-%d" % context["taskid"]), "a")

    def process(self, tup):
        number, word = tup.values
        if word == "whole":
            for each in ["line", number, "of", "the", "spout"]:
                self.file.write("%s %s\n" % (number, each))
            self.file.flush()


Tally().run()
