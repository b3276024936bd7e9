"""Splits sentences into words and does not ask which tasks they went to, so that it never waits for an answer."""

import storm


class Split(storm.BasicBolt):
    def process(self, tup):
        for word in tup.values[0].split(" "):
            storm.sendMsgToParent({"command": "emit", "anchors": [tup.id], "tuple": [word], "need_task_ids": False})


Split().run()
