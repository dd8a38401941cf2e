"""How other releases of prime-rl differ from the one that the sections describe: tables, and look-ups in them."""
