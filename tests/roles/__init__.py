"""The roles as processes, the group of them, and the command that people type."""
