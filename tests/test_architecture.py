"""The house rules, read off the code itself: rooms and direction, flags, docstrings, sizes."""

import ast
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = 'ct2mr_tf'

FLOORS = [
    {'problems', 'version'},
    {'files'},
    {'imaging', 'evaluation', 'models', 'config'},
    {'data', 'serving', 'phantom', 'reader_study'},
    {'training'},
    {'benchmark'},
    {'train', 'export', 'cli'},
]
"""Rooms from the ground up. A room imports lower floors and itself, never beside it or above."""

WITHOUT_TENSORFLOW = (
    'imaging',
    'phantom',
    'evaluation',
    'reader_study',
    'problems',
    'files',
    'config',
)
"""Rooms that load no TensorFlow, nor do what they import."""

FORBIDDEN_NAMES = {'utils', 'util', 'common', 'helpers', 'helper', 'misc', 'tools', 'base'}

MOST_LINES = 350
MOST_FUNCTION_LINES = 80
MOST_ENTRY_LINES = 100
MOST_PARAMETERS = 6

TRIVIAL = 'version'
"""The module with nothing to test: a constant."""


@dataclasses.dataclass(frozen=True)
class Module:
    """A source file of the project, parsed."""

    path: pathlib.Path

    @property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix('').parts
        return '.'.join(parts)

    @property
    def room(self) -> str:
        """`imaging` of `ct2mr_tf/imaging/crop.py`; `train` of `train.py`."""
        parts = self.path.relative_to(ROOT).with_suffix('').parts
        return parts[1] if parts[0] == PACKAGE else parts[0]

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding='utf-8'))

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, also within others."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    def imports(self) -> set[str]:
        """Full names of everything imported anywhere in the file, also within functions."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f'{self.name}: relative import'
                found |= {f'{node.module}.{alias.name}' for alias in node.names}
        return found


ENTRY_FILES = [path for path in (ROOT / 'train.py', ROOT / 'export.py') if path.exists()]
SOURCES = sorted([*(ROOT / PACKAGE).rglob('*.py'), *ENTRY_FILES])
MODULES = [Module(path) for path in SOURCES if path.name != '__init__.py']


def floor_of(room: str) -> int:
    (number,) = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return number


def rooms_imported(module: Module) -> set[str]:
    """Other rooms of the project that a module imports."""
    parts = [name.split('.') for name in module.imports()]
    rooms = {names[1] for names in parts if names[0] == PACKAGE}
    rooms |= {names[0] for names in parts if names[0] in ('train', 'export')}
    return rooms - {module.room}


def may_import(room: str, other: str) -> bool:
    """Whether a module of one room may import from another room."""
    # An entry file of the root begins with cli/entry.py and cli/config_flags.py.
    return floor_of(other) < floor_of(room) or (room in ('train', 'export') and other == 'cli')


def importing(package: str) -> set[str]:
    """Rooms that import a package, anywhere in their files."""
    return {
        module.room
        for module in MODULES
        if any(name.split('.')[0] == package for name in module.imports())
    }


def test_the_code_is_where_these_tests_look():
    assert {module.room for module in MODULES} >= {'imaging', 'data', 'models', 'training', 'train'}


def test_the_direction_by_example():
    assert may_import('training', 'data')
    assert may_import('train', 'cli')
    assert may_import('imaging', 'problems')
    for room, other in (
        ('imaging', 'config'),
        ('data', 'phantom'),
        ('models', 'training'),
        ('problems', 'files'),
        ('cli', 'train'),
    ):
        assert not may_import(room, other)


def test_every_module_has_a_place():
    known = set().union(*FLOORS)
    assert not {module.name for module in MODULES if module.room not in known}


def test_imports_point_down():
    upward = [
        f'{module.name} imports {other}'
        for module in MODULES
        for other in rooms_imported(module)
        if not may_import(module.room, other)
    ]
    assert not upward


def test_nobody_imports_an_entry_file():
    commands = {
        module.name
        for module in MODULES
        if "__name__ == '__main__'" in module.path.read_text(encoding='utf-8')
    }
    assert 'train' in commands
    importers = [
        f'{module.name} imports {name}'
        for module in MODULES
        for name in module.imports()
        if commands & {name, name.rpartition('.')[0]}
    ]
    assert not importers


def test_flags_are_for_entry_files_only():
    assert importing('absl') <= {'train', 'export', 'cli'}


def imported_first(module: Module) -> str:
    """Full name of the first thing a module imports that is not of Python itself."""
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom):
            name = f'{node.module}.{node.names[0].name}'
        elif isinstance(node, ast.Import):
            name = node.names[0].name
        else:
            continue
        if name.split('.')[0] not in sys.stdlib_module_names:
            return name
    return ''


def test_a_command_loads_the_entry_first():
    """From then on Ctrl-C leaves no traceback, while pandas and the rest are loading."""
    light = {f'{PACKAGE}.cli.entry', f'{PACKAGE}.cli.config_flags'}
    assert not {
        module.name
        for module in MODULES
        if "__name__ == '__main__'" in module.path.read_text(encoding='utf-8')
        and imported_first(module) not in light
    }


def test_dicom_is_for_imaging_only():
    assert importing('pydicom') == {'imaging'}


def test_some_rooms_import_no_tensorflow(command):
    """Nor does anything that they import."""
    names = [module.name for module in MODULES if module.room in WITHOUT_TENSORFLOW]
    assert len(names) > 10
    script = f'import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n'
    script += "print([name for name in ('tensorflow', 'keras', 'absl') if name in sys.modules])"
    done = command('-c', script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '[]'


def test_names_say_what_is_inside():
    assert not {m.name for m in MODULES if FORBIDDEN_NAMES & set(m.name.split('.'))}


def test_importing_a_room_runs_nothing():
    packages = [path for path in SOURCES if path.name == '__init__.py']
    assert packages
    assert not [path for path in packages if path.read_bytes()]


def test_the_docstring_is_line_one():
    assert not {
        module.name
        for module in MODULES
        if not ast.get_docstring(module.tree) or module.tree.body[0].lineno != 1
    }


def public(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    """Public functions, classes and methods, with their full names."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if not node.name.startswith('_'):
            yield f'{prefix}.{node.name}', node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f'{prefix}.{node.name}')


def test_everything_public_has_a_docstring():
    missing = [
        name
        for module in MODULES
        for name, node in public(module.tree.body, module.name)
        if not ast.get_docstring(node)
    ]
    assert not missing


def constants(module: Module) -> Iterator[tuple[str, ast.stmt | None]]:
    """Public constants of a module, each with the statement below it."""
    body = module.tree.body
    for node, below in zip(body, [*body[1:], None], strict=True):
        targets = getattr(node, 'targets', [getattr(node, 'target', None)])
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                name = part.id if isinstance(part, ast.Name) else ''
                if name.isupper() and not name.startswith('_') and name != 'FLAGS':
                    yield name, below


def test_constants_however_they_are_written(tmp_path):
    written = 'A = 1\nB: int = 2\nC, D = 3, 4\nE = F = 5\n_G = H.I = small = 6\n'
    (tmp_path / 'a.py').write_text(written)
    assert [name for name, _ in constants(Module(tmp_path / 'a.py'))] == [*'ABCDEF']


def test_every_public_constant_says_what_it_is():
    """A string below it: source and unit."""
    missing = [
        f'{module.name}.{name}'
        for module in MODULES
        for name, below in constants(module)
        if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant))
    ]
    assert not missing


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """Named parameters but self."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument for argument in every if argument.arg not in ('self', 'cls')]


def functions_that(fail: Callable[[ast.FunctionDef], bool]) -> list[str]:
    return [
        f'{module.name}.{function.name}'
        for module in MODULES
        for function in module.functions()
        if fail(function)
    ]


def test_every_signature_has_its_types():
    def untyped(function: ast.FunctionDef) -> bool:
        returns = function.returns is not None or function.name.startswith('__')
        return not returns or any(a.annotation is None for a in parameters(function))

    assert not functions_that(untyped)


def test_parameters_are_few():
    assert not functions_that(lambda function: len(parameters(function)) > MOST_PARAMETERS)


def test_functions_stay_short():
    assert not functions_that(lambda f: f.end_lineno - f.lineno >= MOST_FUNCTION_LINES)


def test_files_stay_short():
    lines = {path: len(path.read_text(encoding='utf-8').splitlines()) for path in SOURCES}
    assert not [path for path, count in lines.items() if count > MOST_LINES]
    assert all(lines[path] < MOST_ENTRY_LINES for path in ENTRY_FILES)


def has_tests(module: Module) -> bool:
    """A test file of its name in the folder of its room, or one there that imports it."""
    parts = module.path.relative_to(ROOT).parts
    inside = parts[1:] if parts[0] == PACKAGE else parts
    folder = ROOT.joinpath('tests', *inside[:-1])
    if (folder / f'test_{inside[-1]}').exists():
        return True
    imported = set().union(*(Module(path).imports() for path in folder.glob('test_*.py')))
    return any(f'{name}.'.startswith(f'{module.name}.') for name in imported)


def test_every_module_has_its_tests():
    assert not {
        module.name for module in MODULES if module.room != TRIVIAL and not has_tests(module)
    }
