"""The lessons as a static site: opens from disk, with no network. ``jaxport book``, ``make book``."""
