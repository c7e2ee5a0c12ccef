"""The benchmark: two kernels, one process, one table."""
