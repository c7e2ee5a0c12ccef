"""Cache folders of one's own."""

import os
import pathlib


def new_cache(folder, shared=("runtime", "dependencies", "codecs")):
    """Makes a cache folder whose store is empty. What is only compiled once for each compiler is shared with the other tests."""
    folder = pathlib.Path(folder)
    folder.mkdir(mode=0o700)
    others = pathlib.Path(os.environ["CELLAR_CACHE_DIR"])
    for name in shared:
        (others / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(others / name)
    return folder
