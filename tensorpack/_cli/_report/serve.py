"""Shows the report of a running training to browsers of this machine, and follows it."""
from __future__ import annotations

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, List, Optional, Tuple

from ...utils import logger


class ReportServer(ThreadingHTTPServer):
    """Serves one page on the loopback address; it is made again when a file of the runs has changed.

    Args:
        port: to listen on; 0 for any that is free.
        folders: the log directories.
        make: gives the page.
        refresh: the browser asks again after so many seconds, also where there is no page at this moment.
    """

    daemon_threads = True

    def __init__(self, port: int, folders: List[str], make: Callable[[], str], refresh: int):
        super().__init__(("127.0.0.1", port), _Handler)
        self.refresh = refresh
        self._folders = folders
        self._make = make
        self._lock = threading.Lock()  # browsers that ask meanwhile get the same page
        self._made: Tuple[Any, bytes] = (None, b"")

    @property
    def address(self) -> str:
        return "http://127.0.0.1:{}/".format(self.server_address[1])

    def page(self) -> bytes:
        """The page as the files are at this moment."""
        with self._lock:
            state = [_state(entry) for folder in self._folders for entry in os.scandir(folder)
                     if entry.name.startswith(("stats.json", "log.log", "events."))]
            if self._made[0] != state:
                self._made = state, self._make().encode("utf-8")
            return self._made[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves before it has the page is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _state(entry: os.DirEntry[str]) -> Tuple[str, Optional[int], Optional[int]]:
    try:
        return entry.path, entry.stat().st_mtime_ns, entry.stat().st_size
    except FileNotFoundError:  # a file that was being written, and has its name by now
        return entry.path, None, None


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer

    def do_GET(self) -> None:
        if self.path != "/":
            self.send_error(404)
            return
        try:
            page, status = self.server.page(), 200
        except (ValueError, OSError) as e:  # such as a directory that is being renamed
            page, status = str(e).encode("utf-8"), 503
        self.send_response(status)
        self.send_header("Content-Type", "{}; charset=utf-8".format("text/html" if status == 200 else "text/plain"))
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Refresh", str(self.server.refresh))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)
