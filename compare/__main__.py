"""``python -m compare`` is the console command ``jaxport``."""

try:
    import os
    import runpy

    FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    runpy.run_path(os.path.join(FOLDER, "jaxport_command.py"), run_name="__main__")
except KeyboardInterrupt:  # while Python compiles that file, before its own answer to Ctrl-C stands
    os.write(2, b"jaxport: interrupted\n")
    os._exit(130)
