"""The program `streamfacade`: topics, groups, produce and consume from a shell."""

from streamfacade.cli._program import main

__all__ = ["main"]
