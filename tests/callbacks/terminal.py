"""A real terminal for tests: a pty with a size, which the log and the progress bars of this process go to, and its screen."""
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading

from tensorpack.utils import logger


class Terminal:
    """`with Terminal(80):` has the log on stdout and progress bars on stderr of a terminal with so many columns."""

    def __init__(self, columns, lines=50, encoding="utf-8"):
        self._master, self._slave = pty.openpty()
        self.resize(columns, lines)
        self._encoding, self._received = encoding, b""

    def resize(self, columns, lines=50):
        self.columns = columns
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def __enter__(self):
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self._before = logger._console.stream, sys.stdout, sys.stderr
        sys.stdout, sys.stderr = [os.fdopen(os.dup(self._slave), "w", encoding=self._encoding) for _ in range(2)]
        logger._console.setStream(sys.stdout)
        return self

    def __exit__(self, *_):
        ours = sys.stdout, sys.stderr
        stream, sys.stdout, sys.stderr = self._before
        logger._console.setStream(stream)
        for file in ours:
            file.close()
        os.write(self._slave, b"\x04")
        os.close(self._slave)
        self._thread.join(20)
        os.close(self._master)

    def _read(self):
        while b"\x04" not in self._received:
            try:
                self._received += os.read(self._master, 65536)
            except OSError:  # the other end is closed
                return

    def text(self):
        """All that came, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self._received.rstrip(b"\x04").decode(self._encoding)).replace("\r\n", "\n")

    def screen(self):
        """The lines that are to be seen: what a line feed, a return, or a move upwards leaves of them."""
        rows, row, column = [""], 0, 0
        for move, number, letter in re.findall(r"\x1b\[(\d*)(A)|(.)", self.text(), re.DOTALL):
            if number:
                row -= int(move or 1)
            elif letter == "\r":
                column = 0
            elif letter == "\n":
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            else:
                rows[row] = rows[row].ljust(column)[:column] + letter + rows[row][column + 1:]
                column += 1
        return [line.rstrip() for line in rows]
