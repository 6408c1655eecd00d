"""From a run and its targets to rows: the stages of a run, and what all of them use."""
