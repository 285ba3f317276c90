"""Google Sheets through its REST interface: what a spreadsheet has, its values, and the account that may see them."""

from .a1 import Area
from .api import POLICY, SheetsClient, Values
from .book import Book, Sheet

__all__ = ["POLICY", "Area", "Book", "Sheet", "SheetsClient", "Values"]
