"""What cells have to show for themselves, so that two sessions can be compared."""


def shown(kernel, code):
    result = kernel.run(code)
    return result.status, result.stdout, result.value, result.ename


def run_all(kernel, cells):
    return [shown(kernel, cell) for cell in cells]
