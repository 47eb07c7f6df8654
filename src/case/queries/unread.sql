-- What could not be read, by image and table.
-- A note is of a table from which nothing is missing, unless nothing at all came out of it.
SELECT hostname, path, code, analyzer, column_name, message, count
FROM warnings AS told JOIN images ON id = image_id
WHERE code NOT IN ('absent', 'disagree', 'leftover', 'note') OR EXISTS (
  FROM outputs
  WHERE outputs.image_id = told.image_id AND table_name = replace(analyzer, '-', '_') AND rows = 0 AND failed IS NULL
)
UNION ALL
SELECT hostname, path, 'failed', table_name, NULL, failed, NULL
FROM outputs JOIN images ON id = image_id
WHERE failed IS NOT NULL
ORDER BY path, analyzer, code, column_name, message;
