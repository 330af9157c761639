"""x"""
from __future__ import annotations
import time
from pathlib import Path
import pytest
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.tampered_books import PROGRAMME, TamperedBooks, fill, changed
from tests.store.points_desk import PointsDesk, open_desk
pytestmark = pytest.mark.security

async def test_x(database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path) -> None:
    async with open_desk(PointsDesk, database, pool, tmp_path, PROGRAMME) as desk:
        await fill(desk)
        async with owner_pool.acquire() as owner:
            books = TamperedBooks(desk, owner)
            await books.open_up()
            print(books.buckets)
            t=time.time()
            report = await books.verify()
            print(report, time.time()-t)
            for t in books.types: print(t, await owner.fetchval(f"select count(*) from {t}"), end="; ")
            for r in await owner.fetch("select bucket, position, error from parked"): print(r)
            for table, columns in books.types.items():
                missed=[]
                row = await books.one_row(table)
                if row is None: print("NO ROW", table); continue
                for column, kind in columns.items():
                    await owner.execute(f'update {table} set "{column}" = {changed(kind, column)} where ctid = \'{row}\'')
                    report = await books.verify()
                    if report.clean: missed.append(column)
                    await books.restore(table)
                    row = await books.one_row(table)
                for what in ("newest", "middle"):
                    row = await books.one_row(table, newest=what=="newest")
                    await owner.execute(f"delete from {table} where ctid = '{row}'")
                    if (await books.verify()).clean: missed.append(f"delete {what}")
                    await books.restore(table)
                row = await books.one_row(table)
                await owner.execute(f"insert into {table} select * from {table} where ctid = '{row}'")
                if (await books.verify()).clean: missed.append(f"double")
                await books.restore(table)
                print("TABLE", table, "missed:", missed)
