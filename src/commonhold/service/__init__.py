"""Use cases above the contract. They know neither SQL nor a web framework."""
