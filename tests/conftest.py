"""Which tests are run: RUNLET_STORIES_EVERY=N keeps every Nth story (always the same ones), for a second pass on another machine,
which shows that they work there and not whether each does. clang-tidy, which takes minutes for the same text, is left to the first."""
import os
import zlib


def pytest_collection_modifyitems(config, items):
    every = int(os.environ.get("RUNLET_STORIES_EVERY", "1"))
    if every <= 1:
        return
    left_out = [item for item in items if item.name == "test_tree_tidy" or
                ("stories" in item.path.parts and zlib.crc32(item.nodeid.encode()) % every != 0)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]
