"""From an order and the declarations to a run. Pure but for reading configs."""
