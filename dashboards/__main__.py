"""`python -m dashboards` writes the JSON files."""

from dashboards.write import write

write()
