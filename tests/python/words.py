"""Splits numbered lines into numbered words."""

import storm


class Words(storm.BasicBolt):
    def process(self, tup):
        number, line = tup.values
        for word in line.split():
            storm.emit([number, word])


Words().run()
