"""What runs beside the chain: each role on its own, several in one process, or all as one group."""
