"""The programs of `bench/`, where they compute."""
