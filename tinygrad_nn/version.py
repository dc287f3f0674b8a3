"""The version of the library, which stands in the files that it writes."""

__version__ = "0.1.0"
