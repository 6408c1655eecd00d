"""What the doctor asks: a module a subject, a decorated function a question."""
