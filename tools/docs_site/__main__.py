"""`python -m docs_site [FOLDER]`: build the site into a folder, `site` if none is given."""

import sys
from pathlib import Path

from docs_site.building import ROOT, build_site

build_site(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site")
