"""`python -m runbook_lib` is `runbook`."""

import sys

from runbook_lib.cli import main

sys.exit(main())
