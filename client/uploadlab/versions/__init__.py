"""Python packages in other versions than the lock files: what is asked for, and the folder that has them."""
