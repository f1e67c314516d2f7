"""Goes through the items of a spec once: each is checked, given its tier and complexity, counted and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from pydantic import JsonValue

from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.job import PlannedItem
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.routing import ItemGroup, Tier
from batch_pipelines.domain.spec import ALL_TIERS, Spec
from batch_pipelines.inputs.repeats import Repeats
from batch_pipelines.inputs.sampling import EvenSample
from batch_pipelines.inputs.source import FIELD, Record, Source, too_many
from batch_pipelines.inputs.spool import ItemSpool, SpooledSample
from batch_pipelines.quality.analyze import complexity_of

MAX_ID_LENGTH = 200
"""Characters of an item's id: it stands in lists, logs and messages."""
SAMPLE_SIZE = 500
"""Items by which prompts are measured."""

ItemCheck = Callable[[PlannedItem], None]


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to do."""

    items: ItemSpool
    groups: Counter[ItemGroup]
    sample: SpooledSample


class Surveyor:
    """Keeps items, counts them by group and draws a sample, one at a time."""

    def __init__(self) -> None:
        self._spool = ItemSpool()
        self._groups = Counter[ItemGroup]()
        self._sample = EvenSample[int](SAMPLE_SIZE)

    def add(self, item: PlannedItem, place: str) -> None:
        """Keep an item and where it came from; raises InvalidInput for parameters that JSON cannot hold."""
        try:
            offset = self._spool.add(item, place)
        except (ValueError, RecursionError) as error:
            raise _not_json(item.item_id, error) from None
        self._sample.offer(offset)
        self._groups[ItemGroup(item.tier, item.complexity)] += 1

    def finish(self) -> Survey:
        """What was added."""
        return Survey(self._spool, self._groups, SpooledSample(self._spool, tuple(self._sample.kept)))


def survey(spec: Spec, pipeline: Pipeline, source: Source, max_items: int, check: ItemCheck | None) -> Survey:
    """Go through the source once; memory does not grow with the number of its items, but by 16 bytes for each.

    `check` is called with each item that is planned, and raises whatever is wrong with it. Raises InvalidInput for the
    first item that cannot be one, and where none is left.
    """
    surveyor, repeats = Surveyor(), Repeats()
    for place, item in _planned(spec, pipeline, source, max_items):
        surveyor.add(item, place)
        repeats.add(item.item_id)
        if check is not None:
            check(item)
    found = surveyor.finish()
    _refuse_repeats(source, found.items, repeats)
    if not len(found.items):
        raise InvalidInput("tier", spec.tier, "is the tier of none of the items", "choose another, or `all`")
    return found


def _not_json(item_id: str, error: Exception) -> InvalidInput:
    """An item must survive being written as JSON: no infinite numbers, half characters or endless nesting."""
    return InvalidInput(FIELD, item_id, f"has a value that JSON cannot hold ({error})", "replace that value")


def _planned(spec: Spec, pipeline: Pipeline, source: Source, max_items: int) -> Iterator[tuple[str, PlannedItem]]:
    """The items of the wanted tier, each with its place."""
    shared = dict(spec.shared_parameters)
    if spec.template_id is not None:
        shared["template_id"] = spec.template_id
    wanted = _wanted_tier(spec, pipeline)
    left_out = {"tier"} if pipeline.tiered else set()
    if source.id_field == "id":
        left_out.add("id")
    deal = cycle(Tier)
    for place, fields in _counted(source, max_items):
        item_id = _item_id(fields, place, source)
        tier = _own_tier(fields, place, source) if pipeline.tiered else None
        if isinstance(wanted, Tier) and tier not in (None, wanted):
            continue
        if wanted is not None:
            tier = wanted if isinstance(wanted, Tier) else tier or next(deal)
        parameters = {**shared, **{name: value for name, value in fields.items() if name not in left_out}}
        yield place, _planned_item(item_id, tier, parameters)


def _planned_item(item_id: str, tier: Tier | None, parameters: dict[str, JsonValue]) -> PlannedItem:
    try:
        complexity = complexity_of(parameters, tier)
    except RecursionError as error:
        raise _not_json(item_id, error) from None
    # Its parts are sound, so pydantic need not look at every value of a million items.
    return PlannedItem.model_construct(item_id=item_id, tier=tier, complexity=complexity, parameters=parameters)


def _counted(source: Source, most: int) -> Iterator[Record]:
    """The records one by one; raises InvalidInput for none, and LimitExceeded, with their number, for too many."""
    count = 0
    for record in source.records:
        count += 1
        if count <= most:
            yield record
    if count > most:
        raise too_many(count, most)
    if not count:
        raise _nothing_in(source)


def _nothing_in(source: Source) -> InvalidInput:
    if source.title is None:
        return InvalidInput(FIELD, [], "is empty", "give at least one item")
    if source.is_filtered:
        return InvalidInput(FIELD, source.title, "has no item that `where` lets through", "loosen its conditions")
    return InvalidInput(FIELD, source.title, "holds no item", "give at least one item")


def _item_id(fields: dict[str, JsonValue], place: str, source: Source) -> str:
    value = fields.get(source.id_field)
    item_id = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if problem := _problem_of_id(item_id):
        raise InvalidInput(source.field(place, source.id_field), value, *problem)
    return str(item_id)


def _problem_of_id(item_id: JsonValue) -> tuple[str, str] | None:
    """What keeps a value from being an id, and the remedy."""
    if item_id is None:
        return "is missing", "give every item an id"
    if not isinstance(item_id, str) or not item_id.strip():
        return "is not a text or a whole number", "give every item an id"
    if not item_id.isprintable():
        return "holds characters that do not print", "leave them out"
    if len(item_id) > MAX_ID_LENGTH:
        return f"is longer than {MAX_ID_LENGTH} characters", "shorten it"
    return None


def _refuse_repeats(source: Source, spool: ItemSpool, repeats: Repeats) -> None:
    """Raises InvalidInput for the first item whose id another had before it."""
    for suspect in repeats.suspects():
        item_id, again = next(islice(spool.places(), suspect, None))
        first = next(place for other_id, place in spool.places() if other_id == item_id)
        if first != again:
            shared = f"items {first} and {again}" if source.title is None else f"{first} too"
            field = source.field(again, source.id_field)
            raise InvalidInput(field, item_id, f"is the id of {shared}", "give every item an id of its own")


def _wanted_tier(spec: Spec, pipeline: Pipeline) -> Tier | Literal["all"] | None:
    """The tier to run, all of them, or None where the pipeline has none."""
    if not pipeline.tiered:
        if spec.tier is not None:
            raise InvalidInput("tier", spec.tier, f"is set, but {pipeline.name} has no tiers", "remove it")
        return None
    return ALL_TIERS if spec.tier in (None, ALL_TIERS) else Tier(spec.tier)


def _own_tier(fields: dict[str, JsonValue], place: str, source: Source) -> Tier | None:
    value = fields.get("tier")
    if value is None:
        return None
    if value not in list(Tier):
        raise UnknownName(source.field(place, "tier"), str(value), tuple(Tier))
    return Tier(str(value))
