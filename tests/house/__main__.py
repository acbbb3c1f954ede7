"""Prints how long our functions and files are: `python -m tests.house`."""

from tests.house import source

_SHOWN = 5


def _main() -> None:
    modules = source.read_modules("guerdon", "bench")
    lengths = sorted(
        (
            (source.length_of(function), f"{module.name}:{function.lineno} {function.name}")
            for module in modules
            for function in source.functions_of(module.tree)
        ),
        reverse=True,
    )
    files = sorted(((module.lines, module.name) for module in modules), reverse=True)
    long = sum(length > 40 for length, _ in lengths)
    share = 100 * long / max(1, len(lengths))
    print(f"{len(lengths)} functions, {long} over 40 lines ({share:.1f} %; 5 % is the budget)")
    print("\n".join(f"  {length:4} {name}" for length, name in lengths[:_SHOWN]))
    print(f"{len(files)} files, {sum(lines > 400 for lines, _ in files)} over 400 lines")
    print("\n".join(f"  {lines:4} {name}" for lines, name in files[:_SHOWN]))


_main()
