"""click parses, one operation is called, output.py prints."""

import gc

# What is imported and read at the start is no garbage: looking for some takes a twentieth of a short command.
gc.set_threshold(50_000, 10, 10)
