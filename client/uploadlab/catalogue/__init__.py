"""Lists the methods, the clients, the cases of the check, and the bytes that they send."""
