"""Projects, keys, monitors and events, as the API asks for them."""
