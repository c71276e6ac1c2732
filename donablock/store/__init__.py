"""What is kept: PostgreSQL, its schema and migrations, the stream of blocks, the cache. It knows no
feature."""
