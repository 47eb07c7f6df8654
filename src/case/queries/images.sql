-- The images of the case, with what each host was and how many rows it gave.
SELECT id, hostname, release, state, bytes, boot_time, sum(rows) AS rows, path
FROM images LEFT JOIN outputs ON outputs.image_id = images.id
GROUP BY ALL
ORDER BY hostname, id;
