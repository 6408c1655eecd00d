"""Links: a program of ours between client and target, which passes bytes on later and more slowly."""
