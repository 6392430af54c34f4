"""Tests of the pure parts of the embedded servers."""
