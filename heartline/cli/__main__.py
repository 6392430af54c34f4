"""`python -m heartline.cli`, for where the console command is not on the path: the demo starts its processes so."""

from heartline.cli import main

main()
