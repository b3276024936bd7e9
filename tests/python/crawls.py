"""A bolt that takes its time over every tuple."""

import time

import storm


class Crawls(storm.BasicBolt):
    def process(self, tup):
        time.sleep(0.05)


Crawls().run()
