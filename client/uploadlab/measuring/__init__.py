"""From a run and its targets to rows: the protocol of a run's stages, and what all stages use."""
