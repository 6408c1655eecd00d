"""Python packages in other versions than the lock files: which a user names, and the folder that has them."""
