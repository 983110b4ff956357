"""How a value is made from the engine's JSON: one maker for each kind of member."""

from dataclasses import field, fields
from typing import Any, Callable, Mapping, Optional, Type, TypeVar

Take = Callable[[Any, Any], Any]  # (value, default) -> value
M = TypeVar("M", bound="Model")


def made(take: Take, default: Any) -> Any:
    """A member of a dataclass that from_json() fills by take."""
    return field(default=default, metadata={"take": take})


def of(*kinds: type) -> Take:
    def take(value: Any, default: Any) -> Any:
        return value if type(value) in kinds else default

    return take


def _integer(value: Any, default: Any) -> Any:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else default


def _texts(value: Any, default: Any) -> Any:
    return tuple(item for item in value if type(item) is str) if isinstance(value, list) else default


def _integers(value: Any, default: Any) -> Any:
    return tuple(item for item in value if type(item) is int) if isinstance(value, list) else default


def text(default: str = "") -> Any:
    return made(of(str), default)


def maybe_text() -> Any:
    return made(of(str), None)


def integer(default: Optional[int] = 0) -> Any:
    return made(_integer, default)


def number(default: Optional[float] = 0.0) -> Any:
    return made(of(int, float), default)


def flag(default: Optional[bool] = False) -> Any:
    return made(of(bool), default)


def anything() -> Any:
    return made(lambda value, default: value, None)


def texts() -> Any:
    return made(_texts, ())


def integers() -> Any:
    return made(_integers, ())


def mapping() -> Any:
    """An object as it came; None where there is none."""
    return made(of(dict), None)


def one(kind: "Type[Model]") -> Any:
    """An object of that kind; None where there is none."""
    return made(lambda value, default: kind.from_json(value) if isinstance(value, dict) else default, None)


def always(kind: "Type[Model]") -> Any:
    """An object of that kind; one with nothing but defaults where there is none."""
    return made(lambda value, default: kind.from_json(value) if isinstance(value, dict) else default, kind())


def many(kind: "Type[Model]") -> Any:
    def take(value: Any, default: Any) -> Any:
        return (
            tuple(kind.from_json(item) for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
        )

    return made(take, ())


class Model:
    """Base of all: from_json()."""

    @classmethod
    def from_json(cls: Type[M], data: Mapping[str, Any]) -> M:
        """Raises ValueError when data is no object at all."""
        if not isinstance(data, Mapping):
            raise ValueError("%s is made from an object, not from %s" % (cls.__name__, type(data).__name__))
        given = {}
        for member in fields(cls):  # type: ignore[arg-type]  # every subclass is a dataclass
            if member.name in data:
                given[member.name] = member.metadata["take"](data[member.name], member.default)
        return cls(**given)
