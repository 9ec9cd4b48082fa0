"""What a backend must do: Protocols with numbered requirements, proved by `commonhold.testing`."""
