"""Sign: people with roles review, challenge and sign exactly what they saw."""
