"""The stage of concurrent uploads; the only package that knows Locust."""
