"""The doctor: questions to a stack that the lab does not know, its configs and its logs."""
