"""OpenTelemetry: its payloads become spans, and its vocabularies become one meaning."""
