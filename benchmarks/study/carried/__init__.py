"""Weight maps and conversions of random models: what is refused, mapped wrongly, and named."""
