"""The words of memories on SQLite: an FTS5 index that keeps no text of its own.

Triggers keep it in step, so that edits, deletes, cascades and erasures cannot go past it. It reads the text
through a view on the memories themselves; `INSERT INTO memory_words (memory_words) VALUES ('rebuild')` makes
it anew. A change here needs a migration, as in `schema`.
"""

from typing import Final

_OLD: Final = "json_extract(old.content, '$.text')"
_NEW: Final = "json_extract(new.content, '$.text')"
_FORGET: Final = f"INSERT INTO memory_words (memory_words, rowid, text) VALUES ('delete', old.seq, {_OLD});"
_LEARN: Final = f"INSERT INTO memory_words (rowid, text) VALUES (new.seq, {_NEW});"

CREATE: Final = (
    "CREATE VIEW memory_texts AS SELECT seq, json_extract(content, '$.text') AS text FROM memories",
    "CREATE VIRTUAL TABLE memory_words USING fts5(text, content = 'memory_texts', content_rowid = 'seq', "
    "tokenize = 'unicode61 remove_diacritics 2')",
    f"CREATE TRIGGER memory_words_insert AFTER INSERT ON memories BEGIN {_LEARN} END",
    f"CREATE TRIGGER memory_words_delete AFTER DELETE ON memories BEGIN {_FORGET} END",
    f"CREATE TRIGGER memory_words_update AFTER UPDATE OF content ON memories BEGIN {_FORGET} {_LEARN} END",
)
