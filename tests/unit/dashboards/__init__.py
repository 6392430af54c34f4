"""The dashboards as files and as code."""
