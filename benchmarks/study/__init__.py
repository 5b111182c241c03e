"""How often is the verdict right? Random sound ports and random faulty ones, judged; see ``benchmarks/README.md``."""
