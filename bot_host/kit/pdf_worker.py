"""Run as a script: reads a PDF from standard input and writes its text as UTF-8 to standard output.

A process of its own, because a PDF of a stranger's may be made to take all time and memory that there is.
Exit codes: 0 read, 2 not a PDF that can be read, 3 pypdf is not installed, 4 locked by a password.
"""

import importlib
import io
import logging
import sys


def main(most: int, seconds: int, memory: int) -> int:
    """Read at most `most` characters, in `seconds` of processor time and `memory` bytes."""
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit has to do
        pass
    else:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        pypdf = importlib.import_module("pypdf")
        broken = importlib.import_module("pypdf.errors").PyPdfError
    except ImportError:
        return 3
    logging.disable(logging.CRITICAL)
    left = most
    try:
        reader = pypdf.PdfReader(io.BytesIO(sys.stdin.buffer.read()))
        if reader.is_encrypted and not reader.decrypt(""):
            return 4
        for page in reader.pages:
            text = page.extract_text()[:left].strip()
            sys.stdout.buffer.write(f"{text}\n\n".encode("utf-8", "replace"))
            left -= len(text)
            if left <= 0:
                break
    except (broken, ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError, MemoryError):
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])))
