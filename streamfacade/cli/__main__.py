"""`python -m streamfacade.cli`, where the program is not on the path."""

from streamfacade.cli import main

main(prog_name="streamfacade")
