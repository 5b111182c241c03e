"""Many pairs at once: each in a process of its own, kept in a store, shown in one table and one page."""
