import sys

import storm


class Dies(storm.Bolt):
    def process(self, tup):
        sys.stderr.write("cannot go on with %s\n" % tup.values[0])
        sys.stderr.flush()
        sys.exit(3)


Dies().run()
