"""All projections there are."""

from projections.orders import ORDERS_PROJECTION
from projections.projection import Projection

ALL_PROJECTIONS: tuple[Projection, ...] = (ORDERS_PROJECTION,)
