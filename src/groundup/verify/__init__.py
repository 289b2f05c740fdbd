"""The proofs: gradient checks, memory states, and what it means for two numbers to be equal."""
