"""The configuration: its sections, and what prime-rl computes and refuses between them."""
