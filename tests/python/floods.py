"""A bolt that answers each line with a megabyte before it reads again: a parent that only writes would wait for ever."""

import json
import sys

import storm


class Floods(storm.BasicBolt):
    def process(self, tup):
        number = tup.values[0]
        for part in range(64):
            word = "%d-%s" % (part, "x" * 16000)
            emit = {"command": "emit", "anchors": [tup.id], "tuple": [number, word], "need_task_ids": False}
            sys.stdout.write(json.dumps(emit) + "\nend\n")
        sys.stdout.flush()
        storm.emit([number, "whole"])


Floods().run()
