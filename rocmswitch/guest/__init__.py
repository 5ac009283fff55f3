"""Code that runs in an environment's own Python, where rocmswitch cannot be imported.

Nothing here imports anything of ours or of others but that environment's torch, and it is written for Python 3.7,
the oldest that a stack has wheels for. rocmswitch itself reads these files and never imports them.
"""
