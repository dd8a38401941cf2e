"""What prime-rl computes: inside one section (:mod:`.sections`), and between them (:mod:`.root`)."""
