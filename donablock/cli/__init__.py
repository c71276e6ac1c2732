"""The command `donablock`, for people and for whoever starts the services."""

from donablock.cli.main import main

__all__ = ["main"]
