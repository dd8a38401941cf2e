"""What prime-rl keeps in tables: model to parser and renderer, names that belong to the launcher."""
