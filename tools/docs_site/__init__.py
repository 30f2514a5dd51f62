"""The documentation as a site that needs no network: pages are run, the reference is made from docstrings."""
