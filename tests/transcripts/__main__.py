"""Write the pages: all of them, or those of the platforms that are named."""

import asyncio
import sys

from tests.transcripts import SCRIPTS
from tests.transcripts.stage import make_page

for name in sys.argv[1:] or SCRIPTS:
    SCRIPTS[name].page.write_text(asyncio.run(make_page(SCRIPTS[name])), encoding="utf-8")
