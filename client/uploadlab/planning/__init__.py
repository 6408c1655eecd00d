"""Turns an order and the declarations into a run that can be carried out."""
