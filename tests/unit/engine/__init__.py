"""The engine without a broker: its pure parts, and its interleavings on a fake one."""
