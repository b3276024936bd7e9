#!/usr/bin/env python3
"""A bolt that splits lines into words."""


def words(line):
    return line.split()


if __name__ == "__main__":
    import storm

    class Split(storm.BasicBolt):
        def process(self, tup):
            for word in words(tup.values[0]):
                storm.emit([word])

    Split().run()
