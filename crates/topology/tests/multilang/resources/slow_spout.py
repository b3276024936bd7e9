import time

import storm


class Slow(storm.Spout):
    def nextTuple(self):
        time.sleep(60)


Slow().run()
