"""``jaxport env``: what a figure depends on, as text and as JSON."""

from tests.compare.command_line import CPU, jaxport, strictly


def test_env():
    """Every entry of the form has its line."""
    form = strictly(jaxport("env", *CPU, "--json", "-").out)
    assert (form["device"], set(form["versions"])) >= ("cpu", {"torch", "jax"})
    ran = jaxport("env", *CPU)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines() if not line.startswith(" ")] == list(form)[1:]
