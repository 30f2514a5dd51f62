"""Beside the tests: what lies in this folder can be imported by all of them."""
