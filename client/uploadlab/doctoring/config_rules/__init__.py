"""What each language of configs limits, buffers or loses: one module a language, pure functions of text."""
