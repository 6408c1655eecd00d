"""Uploads that go on after a cut: runs through seeded faults, and what is kept of a cut body."""
