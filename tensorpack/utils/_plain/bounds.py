"""What a pickle asks of memory and time before anything is made of it."""
from __future__ import annotations

import pickletools
from typing import Any, Dict, List

_LONGEST_LINE = 4300  # characters; digits of a number take time that grows with their square
_INDEX = {"LONG_BINPUT": 4}  # number of an object, in so many bytes; one of a single byte does no harm
_LINES = {pickletools.stringnl_noescape_pair: 2}
# In the table, where what is positive is the size of an instruction. Short ones have the size of their argument in a byte.
_STOP, _LINE, _SHORT, _SIZED, _PUT = 0, -1, -2, -3, -4


def _size_bytes(n: int) -> int:
    """Width of the number in front of an argument that has its size there; 0 if it has none."""
    return {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4, pickletools.TAKEN_FROM_ARGUMENT4U: 4,
            pickletools.TAKEN_FROM_ARGUMENT8U: 8}.get(n, 0)


def _steps() -> List[Any]:
    """For each byte the size of its instruction, or what else to do; None where it is no instruction."""
    steps: List[Any] = [None] * 256
    for opcode in pickletools.opcodes:
        n = 0 if opcode.arg is None else opcode.arg.n
        steps[ord(opcode.code)] = (
            _STOP if opcode.name == "STOP" else _PUT if opcode.name in _INDEX else 1 + n if n >= 0 else
            _LINE if n == pickletools.UP_TO_NEWLINE else _SHORT if _size_bytes(n) == 1 else _SIZED)
    return steps


_STEPS = _steps()
_OPCODES: Dict[int, Any] = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_WIDTHS = {code: _INDEX.get(opcode.name) or _size_bytes(0 if opcode.arg is None else opcode.arg.n)
           for code, opcode in _OPCODES.items()}
_PUT_LINE = ord("p")


def check_bounds(data: Any) -> None:
    """Refuse a pickle that would make its reader allocate or compute much more than what it holds.

    Objects are remembered under numbers, for which the reader has a table as long as the largest; sizes are believed; numbers
    in decimal are converted in quadratic time.

    Args:
        data: bytes, bytearray, or a memoryview of bytes.

    Raises:
        ValueError: it is cut off, holds an unknown instruction, or asks for too much.
    """
    position, end, steps = 0, len(data), _STEPS
    try:
        while True:
            step = steps[data[position]]
            if step > 0:
                position += step
            elif step == _SHORT:
                position += 2 + data[position + 1]
            elif step == _STOP:
                return
            else:
                position = _after(step, data, position, end)
    except IndexError:
        raise ValueError("it ends early") from None
    except TypeError:
        raise ValueError("byte {} is no instruction".format(position)) from None


def _after(step: int, data: Any, position: int, end: int) -> int:
    """Where the next instruction begins."""
    code = data[position]
    if step == _LINE:
        for _ in range(_LINES.get(_OPCODES[code].arg, 1)):
            position = _line_end(data, position + 1, end, code)
        return position + 1
    width = _WIDTHS[code]
    argument = int.from_bytes(data[position + 1:position + 1 + width], "little")
    if step == _PUT:
        _check_index(argument, end)
        return position + 1 + width
    if argument > end - position:
        raise IndexError()
    return position + 1 + width + argument


def _line_end(data: Any, start: int, end: int, code: int) -> int:
    position = start
    while data[position] != 0x0A:
        position += 1
    if code in b"ILpg" and position - start > _LONGEST_LINE:
        raise ValueError("a number has {} digits".format(position - start))
    if code == _PUT_LINE:
        _check_index(int(bytes(data[start:position])), end)
    return position


def _check_index(index: int, end: int) -> None:
    if index > end:  # each object takes a byte at least
        raise ValueError("an object is remembered under the number {}".format(index))
