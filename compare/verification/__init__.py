"""All of a pair: probes, modes, steps, and the certificates.

``verification`` and not ``verify``: a package of that name would take the place of ``compare.verify``, the function.
"""
