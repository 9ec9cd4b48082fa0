"""The values of Commonhold, and their shape on the wire. No I/O, no framework."""
