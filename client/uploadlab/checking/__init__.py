"""The stage of the check: sends good, bad and broken uploads, and judges what the server made of them."""
