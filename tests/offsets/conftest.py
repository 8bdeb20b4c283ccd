"""What the tests of this room share."""

import sys
from pathlib import Path

# `literal`, the slow reference, is imported by name.
sys.path.insert(0, str(Path(__file__).parent))
