//! Keys, entries and the store of cached cells. To come; the design is that nothing in here knows Jupyter or evcxr.
