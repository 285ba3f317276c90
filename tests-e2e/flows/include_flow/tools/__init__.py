"""What the flow needs."""
