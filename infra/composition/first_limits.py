"""The limits a new core starts with: without any, the controls let nothing out."""

from decimal import Decimal

from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.repository import Repository
from domain.risk.limits import Limits
from domain.risk.risk_limits import SYSTEM_SCOPE, RiskLimits
from domain.use_cases.risk_desk import RiskDesk, SetLimits

FIRST_LIMITS = Limits(
    price_collar=Decimal("0.05"),
    quote_max_age_ms=5_000,
    max_order_value=Decimal(100_000),
    max_exposure=Decimal(1_000_000),
    max_open_orders=200,
    max_messages_per_second=50,
    duplicate_window_ms=1_000,
    max_daily_loss=Decimal(50_000),
)

_ACTOR = Actor(ActorType.SYSTEM, "bootstrap", "startup")


async def ensure_system_limits(repository: Repository, desk: RiskDesk) -> None:
    """Set FIRST_LIMITS for the system if it has never had limits; leave them alone otherwise."""
    scope = await repository.load(RiskLimits, SYSTEM_SCOPE, newest=True)
    repository.give_back(scope)
    if scope.exists:
        return
    command_id = command_id_for("bootstrap", "system limits")
    context = CommandContext(command_id, str(command_id), _ACTOR)
    request = SetLimits(SYSTEM_SCOPE, str(command_id), FIRST_LIMITS, "first start")
    await desk.set_limits(request, context)
