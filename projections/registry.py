"""All projections there are. The views in ``read`` that each of them fills:

- ``accounts``: accounts, balances, positions, reservations
- ``orders``: orders, executions
- ``order_timeline``: order_timeline
- ``risk``: risk
- ``operations``: problems, leaders
"""

from projections.accounts import ACCOUNTS_PROJECTION
from projections.operations import OPERATIONS_PROJECTION
from projections.order_timeline import ORDER_TIMELINE_PROJECTION
from projections.orders import ORDERS_PROJECTION
from projections.projection import Projection
from projections.risk import RISK_PROJECTION

ALL_PROJECTIONS: tuple[Projection, ...] = (
    ACCOUNTS_PROJECTION,
    ORDERS_PROJECTION,
    ORDER_TIMELINE_PROJECTION,
    RISK_PROJECTION,
    OPERATIONS_PROJECTION,
)
