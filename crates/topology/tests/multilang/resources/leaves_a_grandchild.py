import subprocess

import storm


class Parent(storm.BasicBolt):
    def process(self, tup):
        child = subprocess.Popen(["sleep", "600"])
        storm.emit([child.pid])


Parent().run()
