"""The HTTP API: what people and programs ask of the monitors by."""
