"""What a user types, a file a command; the only package that knows click."""
