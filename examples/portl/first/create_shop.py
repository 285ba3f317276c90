"""Makes shop.db, the database of this example: portl writes rows, but never makes or changes anybody's tables."""

import sqlite3
from pathlib import Path

with sqlite3.connect(Path(__file__).with_name("shop.db")) as database:
    database.execute(
        """
        CREATE TABLE IF NOT EXISTS products (
            id INTEGER PRIMARY KEY,
            sku TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            price NUMERIC NOT NULL,
            stock INTEGER NOT NULL,
            added_on DATE,
            slug TEXT
        )
        """
    )
