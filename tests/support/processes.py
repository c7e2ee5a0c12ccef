"""Processes that may end between two looks at them."""

import psutil


def runs(process):
    """Whether it is there and more than a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def named(processes, name):
    """Those that run and whose names hold `name`."""
    return [process for process in processes if runs(process) and name in name_of(process)]


def name_of(process):
    """Empty once it has ended."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""
