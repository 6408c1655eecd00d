"""The lab's words as types, a file a subject."""
