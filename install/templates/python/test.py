#!/usr/bin/env python3
"""The splitter alone, and the whole topology in local mode. STORMCTL names stormctl when it is not on PATH."""

import collections
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "resources"))

import split


class Words(unittest.TestCase):
    def test_lines_fall_into_words(self):
        self.assertEqual(split.words("to be  or"), ["to", "be", "or"])

    def test_the_topology_counts_all_words(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "counts.tsv")
            command = [os.environ.get("STORMCTL", "stormctl"), "local", "-e", "topology.yaml", "--seconds", "5"]
            subprocess.run(command, cwd=HERE, env={**os.environ, "OUT": out}, check=True)
            counted = {}
            with open(out) as lines:
                for line in lines:
                    word, count = line.rstrip("\n").rsplit("\t", 1)
                    counted[word] = max(int(count), counted.get(word, 0))
        with open(os.path.join(HERE, "words.txt")) as text:
            self.assertEqual(counted, dict(collections.Counter(text.read().split())))


if __name__ == "__main__":
    unittest.main()
