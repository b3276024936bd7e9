"""Splits lines into words, at the white space that `tr -s '[:space:]'` splits at (Python's own split() knows more)."""

import re

import storm

WORD = re.compile(r"[^ \t\n\v\f\r]+")


class Split(storm.BasicBolt):
    def process(self, tup):
        for word in WORD.findall(tup.values[0]):
            storm.emit([word])


Split().run()
