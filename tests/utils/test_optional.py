import math
import sys

import pytest

from skaudit.utils._optional import import_optional


def test_returns_the_module_itself():
    assert import_optional("math", "torch") is math


@pytest.mark.parametrize("name", ["skaudit_absent", "skaudit_absent.inner"])
def test_missing_package_names_itself_and_the_extra(name):
    hint = rf"'{name}' .* pip install \"skaudit\[torch\]\""
    with pytest.raises(ImportError, match=hint) as caught:
        import_optional(name, "torch")
    assert caught.value.name == "skaudit_absent"
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_broken_package_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "skaudit_broken.py").write_text("import skaudit_absent\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="skaudit_absent") as caught:
        import_optional("skaudit_broken", "torch")
    assert "pip install" not in str(caught.value)


def test_module_blocked_by_the_user_counts_as_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "skaudit_blocked", None)
    with pytest.raises(ImportError, match="pip install"):
        import_optional("skaudit_blocked", "report")


def test_submodule_comes_back_as_the_leaf():
    assert import_optional("xml.dom", "dask").__name__ == "xml.dom"
