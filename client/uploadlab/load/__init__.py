"""Uploads from many users at once. It is the only room that knows Locust."""
