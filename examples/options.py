"""The options that the programs beside this one have in common."""

from __future__ import annotations

import argparse


def network_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options of every program that uses the network."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--host", default="localhost", help="the server (%(default)s)")
    made.add_argument("--port", default=8443, type=int, help="its port (%(default)s)")
    return made


def mutual_parser(description: str) -> argparse.ArgumentParser:
    """A parser for one end of mutual TLS."""
    made = network_parser(description)
    made.add_argument("--ca", metavar="PEM", required=True, help="whom to trust")
    made.add_argument(
        "--identity", metavar="PEM", required=True, help="our certificate"
    )
    return made


def serve_or_talk(description: str) -> argparse.Namespace:
    """Parse the options of a program that is both ends, as `command` says."""
    made = argparse.ArgumentParser(description=description)
    commands = made.add_subparsers(dest="command", required=True)
    common = mutual_parser("")
    commands.add_parser("serve", parents=[common], add_help=False)
    talk = commands.add_parser("talk", parents=[common], add_help=False)
    talk.add_argument("word", nargs="+", help="what to send")
    return made.parse_args()
