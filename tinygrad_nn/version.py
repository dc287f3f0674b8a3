"""The version of the library, which stands in the files that it writes, and when it was imported."""

from time import time

__version__ = "0.1.0"
IMPORTED = time()  # a source that is newer is not what runs
