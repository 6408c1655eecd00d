"""What measures the lab and proves its answers: no part of the package."""
