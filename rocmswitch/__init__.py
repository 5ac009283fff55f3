"""rocmswitch gives an AMD GPU a software stack that works, and always gets you back."""

__version__ = "0.1.0"
