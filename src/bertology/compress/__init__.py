"""First floor: making encoders smaller, and measuring what that cost."""
