"""Says what each language of configs limits, buffers or loses: a module each, pure functions of text."""
