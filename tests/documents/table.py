"""How each command that a page shows is run by the tests: as it stands, smaller, or by which other test."""

from dataclasses import dataclass

PROBES = "probes and mutants run in tests/compare/verification/"
FORM = "a form: the words in capitals are the reader's; the same command with words of ours is run"
NETWORK = "installs from a package index; the target is read by make, and nothing of it is run"
MEASURES = "measures for minutes on a quiet machine: here it only says what it takes"


@dataclass(frozen=True)
class Row:
    """One command.

    Attributes:
        command: as the pages show it.
        instead: what is run in its place.
        by: the test that runs it, where it is dear and is run there already.
        why: the reason for either.
        needs: files that it reads, made before it.
        code: its exit code.
    """

    command: str
    instead: str = ""
    by: str = ""
    why: str = ""
    needs: tuple[str, ...] = ()
    code: int = 0


TWO_RUNS = "tests/compare/measure/bench/test_two_runs.py"
SAME = "what runs it there runs jaxport bench mlp --quick in a process of its own"
NAME = "a command's name: with its words it is another row"

FLAX = "--port-weights flax.msgpack"
MINE, MODEL = ("my_pair.py",), ("my_pair.py", "model.pt")
OWN = "jaxport verify my_pair.py --quick --explain"
ENCODER, QUANTIZER = (f"jaxport verify examples/differs/{name}.py" for name in ("encoder", "quantizer"))
RESNET = "jaxport verify examples/resnet.py --explain"
RECORD = "jaxport verify my_reference.py --record reference.npz"
CONTRAST = "tests/compare/measure/contrast"
TRAIN = "jaxport train --data images.npz --epochs 1 --batch 100 --out report"
DIFFERENCES = "tests/compare/cli/commands/test_differences.py"
MANY, ZOO = "tests/compare/cli/many/test_many.py", "a folder of files, which is made there"
MAIN_JOB = "tests/compare/cli/commands/test_main_job.py::test_main_job"
ROWS = [
    # The main job and the set-up.
    Row("jaxport", by=MAIN_JOB, why="run there on one epoch in batches of 500"),
    Row("python3 jaxport_command.py", "python jaxport_command.py --version", why="without a word it is the main job"),
    Row("make compare", "make -n compare", why=NETWORK),
    Row("make test", "make -n test", why=NETWORK),
    Row("make book", "make -n book", why=NETWORK),
    Row("make lint", "make -n lint", why=NETWORK),
    Row("make versions", "make -n versions", why=NETWORK),
    Row("make versions SETS=py312-newest-cpu", "make -n versions SETS=py312-newest-cpu", why=NETWORK),
    Row("make versions SETS=NAME", "make -n versions SETS=py311-cpu", why=FORM),
    Row("pip install .", by="tests/test_package.py::test_every_folder_of_the_packages_is_found", why="needs an index"),
    Row("scripts/make_results.sh cpu", "bash -n scripts/make_results.sh", why=MEASURES),
    Row("python -m compare.first", by="tests/compare/test_first.py::test_it_prints_each_gradients_difference"),
    Row("python -m torchref.train", by="tests/torchref/test_train.py::test_it_runs_alone"),
    Row("python -m jaxport.train", by="tests/jaxport/test_train.py::test_it_runs_alone"),
    Row("python -m jaxport.train_nnx", by="tests/jaxport/test_train_nnx.py::test_it_runs_alone"),
    Row("python -m compare", "python -m compare --version", why="without a word it is the main job"),
    Row("python3 -m scripts.make_api", by="tests/test_api_page.py::test_the_committed_page_is_what_the_command_makes"),
    Row(
        "python3 -m scripts.make_optimizers",
        by="tests/scripts/test_make_optimizers.py::test_a_row_of_the_page_is_what_its_codes_do",
        why="some rows are run there",
    ),
    Row(
        "python3 -m scripts.make_differences",
        by="tests/scripts/test_make_differences.py::test_the_page_is_what_the_committed_results_give",
    ),
    # The table of differences.
    Row("jaxport differences gelu", by=f"{DIFFERENCES}::test_one_name", why="another name is run there"),
    Row(
        "jaxport differences --json table.json",
        by=f"{DIFFERENCES}::test_the_whole_table",
        why="a table of one row there: the whole takes minutes",
    ),
    # Pairs.
    Row(
        "jaxport verify examples/converted.py",
        by="tests/compare/zoo/test_zoo.py::test_an_example_is_a_match",
        why=PROBES,
    ),
    Row(
        "jaxport train examples/training.py",
        by="tests/compare/zoo/test_zoo.py::test_an_example_is_a_match",
        why="the same in three steps",
    ),
    Row(
        "jaxport verify examples/sharded.py --mesh data=2,model=2",
        by="tests/compare/explain/test_meshed.py::test_a_sound_port_matches_on_a_mesh",
        why="JAX makes its devices once in a process: it is run there with others",
    ),
    Row(
        "jaxport train FILE.py --mesh data=2,model=2 --steps 50",
        by="tests/compare/cli/commands/test_train.py::test_a_pairs_file_is_trained_on_a_mesh",
        why=FORM,
    ),
    Row(
        "jaxport train FILE.py --processes 2 --steps 50",
        by="tests/compare/cli/processes/test_several_processes.py::test_both_sides_are_trained_and_told_in_one_report",
        why=FORM,
    ),
    Row(f"{ENCODER} --quick", code=1),
    Row(QUANTIZER, f"{QUANTIZER} --quick", why=PROBES, code=1),
    Row(f"{QUANTIZER} --quick", code=1),
    Row(RESNET, f"{RESNET} --quick", why=PROBES),
    Row("jaxport new my_pair.py && jaxport verify my_pair.py", OWN, why=PROBES, needs=MINE),
    Row("jaxport verify my_pair.py", OWN, why=PROBES, needs=MINE),
    Row(
        "jaxport verify my_pair.py --quick --by-module",
        by="tests/compare/cli/commands/test_verify.py::test_by_module",
    ),
    Row("jaxport verify my_pair.py --explain", OWN, why=PROBES, needs=MINE),
    Row("jaxport verify mlp --every", "jaxport verify mlp --every --quick", why=PROBES),
    Row("jaxport verify mlp --dtype bfloat16", "jaxport verify mlp --dtype bfloat16 --quick", why=PROBES),
    Row(RECORD, f"{RECORD} --quick", why=PROBES, needs=("my_reference.py",)),
    Row("jaxport verify my_port.py --against reference.npz", needs=("my_reference.py", "my_port.py", "reference.npz")),
    # Many files.
    Row("jaxport verify 'zoo/**/*.py' -j 4 --quick", by=f"{MANY}::test_two_files_by_the_judge_itself", why=ZOO),
    Row("jaxport verify zoo", by=f"{MANY}::test_two_files_by_the_judge_itself", why=ZOO),
    Row("jaxport verify FOLDER -j N", by=f"{MANY}::test_two_files_by_the_judge_itself", why=FORM),
    Row(
        "jaxport verify 'zoo/**/*.py' --engine ray -j 8",
        by="tests/compare/cli/many/test_on_ray.py::test_a_worker_that_is_killed_is_rays_to_answer",
        why="Ray is an extra: run there where it is installed",
    ),
    Row("pip install '.[ray]'", "pip --version", why=NETWORK),
    # In a test suite, and in a workflow.
    Row(
        "python -m pytest examples/suite --jaxport-quick --jaxport-report report --runxfail",
        by="tests/test_pytest_jaxport.py::test_the_page_shows_what_its_command_prints",
        why="one of its tests fails on purpose: what it prints is held to the page there",
    ),
    Row(
        "python -P PATH/TO/jaxport/scripts/action/verify_changed.py --pairs '**/*_pair.py' --base origin/main --quick",
        by="tests/scripts/action/test_verify_changed.py::test_the_pages_command_runs_at_a_desk",
        why="needs a repository with an origin, which is made there",
    ),
    # Checkpoints.
    Row("jaxport convert model.pt flax.msgpack --pair my_pair.py", needs=MODEL),
    Row("jaxport convert flax.msgpack back.safetensors --pair my_pair.py", needs=(*MODEL, "flax.msgpack")),
    Row("jaxport convert model.pt flax.msgpack --pair my_pair.py --save-map map.json", needs=MODEL),
    Row("jaxport convert other.pt other.msgpack --map map.json", needs=(*MODEL, "other.pt", "map.json")),
    Row(
        "jaxport convert model.safetensors.index.json port.safetensors --map map.json",
        by="tests/compare/checkpoints/test_two_files.py", why="shards of a large model",
    ),
    *(
        Row(
            f"jaxport weights model.safetensors.index.json port.safetensors {through}",
            by="tests/compare/cli/commands/test_own_weights.py",
            why="shards of a large model",
        )
        for through in ("--pair my_pair.py", "--map map.json")
    ),
    Row(f"jaxport weights my_pair.py --reference-weights model.pt {FLAX}", needs=(*MODEL, "flax.msgpack")),
    Row(
        f"jaxport verify my_pair.py {FLAX} --reference-weights model.pt",
        f"jaxport verify my_pair.py {FLAX} --reference-weights model.pt --quick",
        why=PROBES,
        needs=(*MODEL, "flax.msgpack"),
    ),
    Row(
        f"jaxport weights my_pair.py --original port {FLAX} --reference-weights back.safetensors",
        needs=(*MODEL, "flax.msgpack", "back.safetensors"),
    ),
    # What training is like, and lessons.
    Row("jaxport contrast loose"),
    Row("jaxport contrast loose --row implicit_function"),
    Row("jaxport contrast mlp", "jaxport contrast loose", why="a larger model"),
    Row("jaxport contrast examples/gpt_block.py --every", "jaxport contrast loose --every", why="a larger model"),
    Row("jaxport contrast loose --costs", by=f"{CONTRAST}/test_costs.py", why="compiles both sides"),
    Row("jaxport contrast loose --capabilities", by=f"{CONTRAST}/test_capabilities.py", why="runs all of them"),
    Row(
        "python benchmarks/weights_streamed.py --json results/cpu/weights_streamed.json",
        "python benchmarks/weights_streamed.py --help",
        why=MEASURES,
    ),
    Row("python benchmarks/contrast_memory.py", "python benchmarks/contrast_memory.py --help", why=MEASURES),
    Row("python benchmarks/contrast_examples.py", "python benchmarks/contrast_examples.py --help", why=MEASURES),
    Row("jaxport bench mlp", by=MAIN_JOB, why=SAME),
    Row("jaxport bench mlp --threads 2 --rounds 50", by=MAIN_JOB, why=SAME),
    Row("jaxport bench mlp --threads all --json results/cpu/bench-threads.json", by=MAIN_JOB, why=SAME),
    Row("jaxport bench mlp --dtype bfloat16 --json results/cpu/bench-bfloat16.json", by=MAIN_JOB, why=SAME),
    Row(
        "jaxport bench mlp --sweep results/cpu/sweep.json --processes 1",
        by="tests/compare/cli/test_swept.py",
        why=MEASURES,
    ),
    Row("jaxport bench mlp --sweep sweep.json", by="tests/compare/cli/test_swept.py", why=MEASURES),
    Row("jaxport bench --compare before.json after.json", by=TWO_RUNS, why=MEASURES),
    Row("jaxport bench --compare A B", by=TWO_RUNS, why=FORM),
    Row(
        "jaxport train FILE.py --steps 50",
        by="tests/compare/cli/commands/test_train.py::test_a_pairs_file_is_trained",
        why=FORM,
    ),
    Row("jaxport train", TRAIN, why="15 epochs of 5,000 images", needs=("images.npz",)),
    Row(
        "jaxport train --data ~/data/FashionMNIST/raw --epochs 5 --out report",
        TRAIN,
        why="a set of images that the reader has; tests/compare/arrays/test_images.py reads its format",
        needs=("images.npz",),
    ),
    Row("jaxport read"),
    Row("jaxport read tape"),
    Row("jaxport read accumulation"),
    *(
        Row(f"jaxport read {name}", by="tests/compare/lessons/test_lessons.py", why="run there")
        for name in ("by_hand", "modes", "randomness", "compile", "train")
    ),
    Row("jaxport read report"),
    Row("jaxport read nadam"),
    Row(
        "jaxport train --recipe adamw-cosine",
        "jaxport train --recipe adamw-cosine --epochs 1 --batch 2500",
        why="the same in two steps",
    ),
    *(
        Row(
            f"jaxport train --recipe nadam --checkpoint run.npz{resume}",
            by="tests/compare/cli/commands/test_train.py::test_a_killed_run_goes_on",
            why="run there on a few images",
        )
        for resume in ("", " --resume")
    ),
    Row(
        "jaxport read class_weights",
        by="tests/compare/lessons/test_lessons.py::test_a_lesson_is_a_match",
        why="every lesson is run there",
    ),
    Row("python examples/resumed.py", "python examples/resumed.py --epochs 1", why="the same in fewer epochs"),
    Row("jaxport new --lesson by_hand"),
    Row("jaxport verify by_hand.py", by="tests/compare/cli/test_marking.py", why="marked there, once it is written"),
    Row("jaxport book", by="tests/compare/report/book/test_build.py", why="run once for all tests of the book"),
    Row("jaxport env"),
    Row("jaxport --version"),
    # The tool's own measurements.
    Row("python -m benchmarks.twin_recipes", by="tests/test_many_recipes.py", why="some rows are run there"),
    Row(
        "python -m benchmarks.study --cases 2080 --draws 1 --seed 760397675 --json results/cpu/study.json",
        by="tests/test_study.py",
        why=MEASURES,
    ),
    Row(
        "python -m benchmarks.study.carried --cases 450 --seed 3863589695 --json results/cpu/study-weights.json",
        by="tests/test_study_carried.py",
        why=MEASURES,
    ),
    Row("python -m benchmarks.locate_time --count 40", "python -m benchmarks.locate_time --help", why=MEASURES),
    Row("python -m benchmarks.study", by="tests/test_study.py", why=MEASURES),
    Row("python -m benchmarks.study --cases 300 --draws 1 --seed 1843463045", by="tests/test_study.py", why=MEASURES),
    Row(
        "python -m benchmarks.study --cases 60 --draws 1 --seed 7630566 --only plain --named",
        by="tests/test_study.py",
        why=MEASURES,
    ),
    Row("python benchmarks/verify_time.py", "python benchmarks/verify_time.py --help", why=MEASURES),
    Row("python benchmarks/repeatability.py FOLDER", "python benchmarks/repeatability.py --help", why=MEASURES),
    Row("python benchmarks/above_floor.py", "python benchmarks/above_floor.py --help", why=MEASURES),
    Row("python benchmarks/judge.py", "python benchmarks/judge.py --help", why=MEASURES),
    Row("python benchmarks/twin_speed.py", "python benchmarks/twin_speed.py --help", why=MEASURES),
    Row(
        "python benchmarks/by_module.py --json results/cpu/by-module.json",
        "python benchmarks/by_module.py --help",
        why=MEASURES,
    ),
    Row("python benchmarks/large.py --full --rounds 1", "python benchmarks/large.py --help", why=MEASURES),
    # Names and forms.
    Row("jaxport verify", by=MAIN_JOB, why=NAME),
    Row("jaxport verify --json", by=MAIN_JOB, why=NAME),
    Row("jaxport bench", by=MAIN_JOB, why=NAME),
    Row("jaxport weights", by="tests/compare/cli/commands/test_own_weights.py", why=NAME),
    Row("jaxport convert", by="tests/compare/cli/commands/test_convert.py", why=NAME),
    Row("jaxport verify [PAIR or FILE.py ...]", OWN, why=FORM, needs=MINE),
    Row("jaxport new FILE.py", "jaxport new another_pair.py", why=FORM),
    Row("jaxport new --lesson NAME", "jaxport new --lesson by_hand", why=FORM),
    Row("jaxport convert IN OUT", "jaxport convert model.pt flax.msgpack --pair my_pair.py", why=FORM, needs=MODEL),
    Row("jaxport weights PAIR", f"jaxport weights my_pair.py {FLAX}", why=FORM, needs=(*MODEL, "flax.msgpack"), code=1),
    Row(
        "jaxport weights A B --pair FILE.py",
        by="tests/compare/cli/commands/test_own_weights.py::test_two_files_beside_each_other",
        why=FORM,
    ),
    Row("jaxport contrast [PAIR or FILE.py]", "jaxport contrast loose", why=FORM),
    Row("jaxport bench [PAIR or FILE.py]", by=MAIN_JOB, why=FORM),
    Row("jaxport train [FILE.py]", TRAIN, why=FORM, needs=("images.npz",)),
    Row("jaxport bench PAIR", by=MAIN_JOB, why=FORM),
    Row("jaxport bench PAIR --every", by=MAIN_JOB, why=FORM),
    Row("jaxport report", by=MAIN_JOB, why=FORM),
    Row("jaxport report [FOLDER]", by=MAIN_JOB, why=FORM),
    Row("jaxport report FOLDER", by=MAIN_JOB, why=FORM),
    Row("jaxport differences [NAME]", by=f"{DIFFERENCES}::test_one_name", why=FORM),
    Row("jaxport read [LESSON]", "jaxport read tape", why=FORM),
    Row("jaxport verify FILE.py", OWN, why=FORM, needs=MINE),
    Row("python -P PATH/TO/jaxport_command.py new my_pair.py", "jaxport new another_pair.py", why=FORM),
]  # fmt: skip
