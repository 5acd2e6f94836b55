"""For tests: the memory backend, and the conformance suite for drivers."""
