"""What Jupyter's Python side needs to know of Cellar, the Rust kernel.

Nothing here runs cells. JupyterLab and Notebook do without it; what executes notebooks from Python
(nbconvert, `jupyter execute`, nbclient and what is built on it, papermill, nbval) learns here

* to give the notebook's parameters to the kernel, and to write what cells change of them back into the
  notebook's metadata (`provisioner`, found by jupyter_client),
* to pass `papermill -p` on to Rust cells (`papermill`, found by papermill).

Both are found by entry points: nobody has to import or to configure anything.
"""
