"""A fair verdict between configurations: rounds side by side until noise and effect can be told apart."""
