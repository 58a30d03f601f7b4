"""Dies while it is imported."""

import os
import sys

print("cannot go on", file=sys.stderr, flush=True)
os._exit(5)
