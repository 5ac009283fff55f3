"""Values to plans. Pure and deterministic."""
