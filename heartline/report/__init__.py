"""The portfolio as one HTML file that needs nothing else: to send, to print, to keep.

- `page`   what is in it, and the file

The template is in `templates/`; style and charts are the board's own.
"""
