-- What could not be read, by image and table.
SELECT hostname, path, code, analyzer, column_name, message, count
FROM warnings JOIN images ON id = image_id
WHERE code NOT IN ('absent', 'disagree', 'leftover', 'note')
ORDER BY path, analyzer, code, column_name, message;
