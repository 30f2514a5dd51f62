"""Questions asked of many runs: each plans its runs and reads their results."""
