import storm


class Split(storm.BasicBolt):
    def initialize(self, conf, context):
        self.where = "%s/%d" % (context["componentid"], context["taskid"])

    def process(self, tup):
        if tup.values[0] == "bad":
            raise ValueError("a bad line")
        for word in tup.values[0].split():
            ids = storm.emit([word])
            storm.log("%s went to %s" % (word, ids))


Split().run()
