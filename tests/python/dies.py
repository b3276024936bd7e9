"""A bolt that takes its first tuple and dies of it, with words on stderr."""

import sys

import storm


class Dies(storm.Bolt):
    def process(self, tup):
        sys.stderr.write("these are my last words\n")
        sys.stderr.flush()
        sys.exit(3)


Dies().run()
