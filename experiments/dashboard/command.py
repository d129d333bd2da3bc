"""The command ``countersmuggling dashboard``: a server for this machine alone, without telemetry."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ..ending import DONE, FAULT, Usage

#: ports tried in turn when none is asked for
PORTS: Final = range(8501, 8521)
PAGE: Final = Path(__file__).with_name("page.py")


def server_arguments(host: str, port: int, browser: bool) -> list[str]:
    """Command line of the server."""
    settings = {
        "server.address": host, "server.port": port, "server.headless": not browser, "browser.gatherUsageStats": False,
        "server.fileWatcherType": "none", "server.maxUploadSize": 2, "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none", "client.showSidebarNavigation": False, "theme.base": "light",
        "theme.primaryColor": "#1f4e79", "server.showEmailPrompt": False,
    }  # fmt: skip
    told = [part for name, value in settings.items() for part in (f"--{name}", str(value).lower() if isinstance(value, bool) else str(value))]
    return [sys.executable, "-m", "streamlit", "run", str(PAGE), *told]


def free_port(host: str, asked: int | None) -> int:
    """The port asked for, or the first free one.

    Raises
    ------
    Usage
        When it is in use, or `host` is not an address of this machine.
    """
    for port in PORTS if asked is None else (asked,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            if sys.platform != "win32":
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except socket.gaierror:
                raise Usage(f"--host {host}: not an address of this machine") from None
            except OSError as error:
                if asked is not None:
                    raise Usage(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None
                continue
            return port
    raise Usage(f"no free port from {PORTS[0]} to {PORTS[-1]} on {host}; choose one with --port")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    command.add_argument("--host", default="127.0.0.1", metavar="ADDRESS",
                         help="address to listen on (default: %(default)s, which only this machine reaches)")  # fmt: skip
    command.add_argument("--port", type=_port, metavar="N", help=f"(default: the first free one from {PORTS[0]})")
    command.add_argument("--no-browser", action="store_true", help="do not open a browser")
    command.add_argument("--quiet", action="store_true", help="print the address only")


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got '{text}'")
    return int(text)


def dashboard(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    if find_spec("streamlit") is None:
        raise Usage("the dashboard needs Streamlit: pip install 'countersmuggling[dashboard]'")
    port = free_port(options.host, options.port)
    address = f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}"
    if options.quiet:
        print(address, flush=True)
    else:
        print(f"Dashboard: {address}  (Ctrl-C ends it)", flush=True)
        if options.host not in ("127.0.0.1", "localhost", "::1"):
            print("Whoever reaches this address can start runs here; there is no password.", file=sys.stderr)
    environment = os.environ | {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    server = subprocess.Popen(
        server_arguments(options.host, port, not options.no_browser), env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=None if os.environ.get("COUNTERSMUGGLING_TRACEBACK") else subprocess.DEVNULL,
    )  # fmt: skip
    try:
        code = server.wait()
    except KeyboardInterrupt:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if not options.quiet:
            print("\nThe dashboard has ended.", file=sys.stderr)
        return DONE
    if code == 0:
        return DONE
    print(f"countersmuggling: the server ended with code {code}; COUNTERSMUGGLING_TRACEBACK=1 shows what it says", file=sys.stderr)
    return FAULT
