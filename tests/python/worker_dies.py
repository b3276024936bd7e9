#!/usr/bin/env python3
"""A program of a topology that ends as soon as it is a worker."""

import sys

print("the last words of this worker", file=sys.stderr)
sys.exit(3)
