"""The read models: which builds there are, how far each has come, how far behind it is."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import WATCH_SYSTEM, allow
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.projection import ProjectionDocument
from api.queries import query
from api.reads.database import Database
from api.reads.rows import items
from api.registration import reads


class ProjectionRoutes:
    def __init__(self, api: ApiDependencies) -> None:
        self._database = Database(api.pool)
        self._statement = query("projections")

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/projections", self.list, Items[ProjectionDocument])

    @allow(WATCH_SYSTEM)
    async def list(self, request: Request) -> Response:
        return items(await self._database.rows(self._statement))
