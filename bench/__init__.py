"""Speed of Commonhold as ratios: against the stores agents use today, in one run."""
