"""Names and docstrings of what others read."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.arch.source import PACKAGE, ROOT, Definition, Module, definitions, modules, read

SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
DOCUMENTED = [*modules(PACKAGE / "contract"), *modules(PACKAGE / "client")]


def undocumented(module: Module) -> list[str]:
    """Public names at the top of a module without a docstring."""
    missing = [
        node.name
        for node in module.tree.body
        if isinstance(node, Definition)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    return missing if ast.get_docstring(module.tree) else ["the module", *missing]


def test_a_module_is_named_for_what_it_holds() -> None:
    """A name that fits anything attracts everything."""
    paths = [*PACKAGE.rglob("*"), *(ROOT / "tests").rglob("*")]
    parts = {part for path in paths for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not parts & SAYS_NOTHING


def test_what_users_import_is_documented() -> None:
    """Every public name of the contract and the client says what it is."""
    assert not {module.name: names for module in DOCUMENTED if (names := undocumented(module))}


def test_every_method_of_the_contract_is_documented() -> None:
    """The contract is prose: a method without it promises nothing."""
    silent = [
        f"{module.name}:{name}"
        for module in modules(PACKAGE / "contract")
        for name, node in definitions(module.tree)
        if not node.name.startswith("_") and ast.get_docstring(node) is None
    ]
    assert not silent


def faces() -> Iterator[tuple[str, str]]:
    """What `import commonhold` offers: the name, and the module that defines it."""
    tree = read(PACKAGE / "__init__.py").tree
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for alias in node.names:
                yield alias.name, str(node.module)


def defined(name: str, module: str) -> list[Definition]:
    """The function or class of that name, if it is one."""
    path = ROOT / "src" / module.replace(".", "/")
    source = read(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    return [node for known, node in definitions(source.tree) if known == name]


def test_the_face_of_the_package_is_documented() -> None:
    """Every function and class that `import commonhold` offers says what it is."""
    offered = {name: defined(name, module) for name, module in faces()}
    assert any(offered.values())
    assert not [name for name, found in offered.items() if not all(map(ast.get_docstring, found))]
