"""The audit against the cross-validation that it contains."""
