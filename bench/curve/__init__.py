"""What one more turn costs as a session grows, here and in the stores agents use today."""
