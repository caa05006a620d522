"""Raw tables made into models, with errors in an admin's words."""

import json
from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot_host.config.sources import MASK, Problems, is_secret, shown
from bot_host.kit.names import did_you_mean

M = TypeVar("M", bound=BaseModel)

_EXPECTED: Final = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}

_KINDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


class Checker:
    """Checks tables against models and collects what is wrong with them."""

    def __init__(self, file: str, sources: Mapping[str, str], problems: Problems) -> None:
        self._file = file
        self._sources = sources
        self._problems = problems

    def table(self, model: type[M], values: Any, key: str, *, as_json: bool = False) -> M | None:
        """`values` as a `model`; None, and the problems noted, when they do not fit.

        `as_json`: for a stranger's model, which may have paths, times or enums: texts may stand for them.
        """
        if not isinstance(values, dict):
            # A token that stands where its table should be has no key that tells what it is.
            hidden = key.startswith(("connectors.", "models.", "plugins.")) and isinstance(values, str)
            found = f'text "{MASK}"' if hidden else shown(key, values)
            self.problem(key, f"expected a table, found {found}")
            return None
        if not self._all_known(model, values, key):
            return None
        try:
            if as_json:
                return model.model_validate_json(json.dumps(values, default=str), strict=True)
            return model.model_validate(values, strict=True)
        except ValidationError as error:
            self._explain(model, error, key)
            return None

    def _all_known(self, model: type[BaseModel], values: dict[str, Any], key: str) -> bool:
        """Whether a model that would pass over unknown keys has all of these; the problems noted."""
        if model.model_config.get("extra") in ("allow", "forbid"):
            return True
        known = known_keys(model)
        unknown = [name for name in values if name not in known]
        for name in unknown:
            self.unknown(f"{key}.{name}", known)
        return not unknown

    def problem(self, key: str, what: str) -> None:
        """Note what is wrong with one key."""
        source = self._sources.get(key, "default")
        place = self._file if source == "default" else source
        self._problems.add(f"{place}: {key}: {what}")

    def unknown(self, key: str, known: list[str], *, kind: str = "key") -> None:
        """Note a key or table that nobody knows."""
        name = key.rsplit(".", 1)[-1].split("[")[0]
        hint = did_you_mean(name, known) or f"; known are {', '.join(known)}"
        self._problems.add(f"{self._file}: unknown {kind} {key}{hint}")

    def _explain(self, model: type[BaseModel], error: ValidationError, prefix: str) -> None:
        expected: dict[str, list[str]] = {}
        found: dict[str, Any] = {}
        for detail in error.errors(include_url=False):
            key, holder = _place(model, detail["loc"], prefix)
            kind = detail["type"]
            if kind == "extra_forbidden":
                self.unknown(key, list(holder.model_fields))
            elif kind == "missing":
                self.problem(key, "is missing")
            elif kind in ("value_error", "assertion_error"):
                self._validator(key, detail)
            else:
                expected.setdefault(key, []).append(_expectation(detail))
                found[key] = detail["input"]
        for key, choices in expected.items():
            wanted = " or ".join(dict.fromkeys(choices)).replace("or one of", "or")
            self.problem(key, f"expected {wanted}, found {_found(key, found[key])}")

    def _validator(self, key: str, detail: ErrorDetails) -> None:
        said = str(detail.get("ctx", {}).get("error", detail["msg"]))
        if not isinstance(detail["input"], str) or not said.startswith("expected"):
            # The validator of a whole table names its key itself.
            if said.startswith(f"{key}."):
                self._problems.add(f"{self._file}: {said}")
            else:
                self.problem(key, said)
        else:
            self.problem(key, f"{said}, found {_found(key, detail['input'])}")


def known_keys(model: type[BaseModel]) -> list[str]:
    """The names of a model's keys, and their aliases."""
    fields = model.model_fields
    return list(dict.fromkeys([*fields, *(field.alias for field in fields.values() if field.alias)]))


def _found(key: str, value: Any) -> str:
    if is_secret(key) and not isinstance(value, str):
        return _KINDS.get(type(value), "something else")
    return shown(key, value)


def _expectation(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind in ("literal_error", "enum"):
        return "one of " + str(context["expected"]).replace(" or ", ", ").replace("'", '"')
    bounds = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    if kind in bounds:
        return f"{words[bounds[kind]]} {context[bounds[kind]]:g}"
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _place(
    model: type[BaseModel], location: tuple[int | str, ...], prefix: str
) -> tuple[str, type[BaseModel]]:
    """The dotted key of a pydantic location, without the names of union members, and the model it is in."""
    key, holder = prefix, model
    inner: type[BaseModel] | None = model
    keyed = False
    for part in location:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        elif inner is not None:
            key, holder = f"{key}.{part}", inner
            known = inner.model_fields.get(part)
            inner = _model_in(known.annotation) if known else None
            keyed = known is not None and get_origin(known.annotation) is dict
        elif keyed:
            key = f"{key}.{part}"
    return key, holder


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def nested_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a field that is a table or a list of tables."""
    field = model.model_fields.get(name)
    return _model_in(field.annotation) if field else None


def coerce(model: type[BaseModel], name: str, text: str) -> Any:
    """A variable's text as the type that a field wants, where that is a number or a truth value."""
    field = model.model_fields.get(name)
    wanted = _plain_types(field.annotation) if field else set()
    folded = text.strip().lower()
    if bool in wanted and folded in ("true", "false"):
        return folded == "true"
    for kind in (int, float):
        if kind in wanted:
            try:
                return kind(folded)
            except ValueError:
                continue
    return text


def _plain_types(annotation: Any) -> set[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return {kind for part in get_args(annotation) for kind in _plain_types(part)}
    return {annotation}
