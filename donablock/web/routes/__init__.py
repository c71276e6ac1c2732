"""What can be asked for, by subject. Each module has one `router`; `app` puts them together."""
