"""`python -m bertology` is the command line."""

from bertology.cli import main

main()
