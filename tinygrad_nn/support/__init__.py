"""What every storey stands on, and what knows nothing of derivatives: checks of what is given, rows, files.

It imports nothing else of the library. Read checks first.
"""
